"""A store that speaks S3's protocol, for tests: moto's own server, in this process, with permissions that hold.

The first line that it prints is JSON: its port, and the key and secret of `owner` (everything), `reader` (reading and
listing) and `nobody` (nothing). Then it does what each line of its input says, and answers with a line of JSON:

    list            names and lengths of all objects, and how many uploads were begun and not finished
    remove NAME     removes an object
    cut NAME LENGTH shortens an object
    change NAME     changes the last byte of an object

It ends with its input, so that it never outlives the test that has started it.
"""

import json
import logging
import os
import sys

import boto3
import requests
from moto.core import DEFAULT_ACCOUNT_ID
from moto.s3.models import s3_backends
from moto.server import ThreadedMotoServer

BUCKET = "images"
READ = ["s3:GetObject", "s3:ListBucket"]


def main():
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    said = {"port": port}
    said.update(users(url))
    # From here on whoever asks must be known and allowed.
    requests.post(f"{url}/moto-api/reset-auth", data=b"0", timeout=30).raise_for_status()
    tell(said)
    for line in sys.stdin:
        tell(do(*line.split()))
    os._exit(0)


def users(url):
    options = {
        "endpoint_url": url,
        "region_name": "us-east-1",
        "aws_access_key_id": "setup",
        "aws_secret_access_key": "setup",
    }
    boto3.client("s3", **options).create_bucket(Bucket=BUCKET)
    iam = boto3.client("iam", **options)
    keys = {}
    for name, actions in (("owner", ["s3:*"]), ("reader", READ), ("nobody", [])):
        iam.create_user(UserName=name)
        if actions:
            allow = {"Effect": "Allow", "Action": actions, "Resource": "*"}
            policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
            iam.put_user_policy(UserName=name, PolicyName=name, PolicyDocument=policy)
        made = iam.create_access_key(UserName=name)["AccessKey"]
        keys[name] = [made["AccessKeyId"], made["SecretAccessKey"]]
    return keys


def do(what, name=None, length=None):
    store = s3_backends[DEFAULT_ACCOUNT_ID]["aws"]
    bucket = store.buckets[BUCKET]
    if what == "list":
        objects = {key: found.contentsize for key, found in bucket.keys.items()}
        return {"objects": objects, "uploads": len(bucket.multiparts)}
    if what == "remove":
        store.delete_object(BUCKET, name)
        return True
    value = store.get_object(BUCKET, name).value
    if what == "cut":
        value = value[: int(length)]
    elif what == "change":
        value = value[:-1] + bytes([value[-1] ^ 1])
    store.put_object(BUCKET, name, value)
    return True


def tell(value):
    print(json.dumps(value), flush=True)


main()
