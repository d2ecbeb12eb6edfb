//! A server, two suppliers, two devices, and one of everything that they can say.

use std::collections::{BTreeMap, BTreeSet};

use carnet_core::app::{AppId, VersionRange};
use carnet_core::component::{Component, Drift};
use carnet_core::document;
use carnet_core::document::Replacement;
use carnet_core::document::{
    Agreement, Answer, Body, Ceiling, Effect, Evidence, Head, Invitation, Joins, JournalName, Operation,
    Pass, PassKind, Person, PortablePass, PublicKey, Reason, Receipt, Redemption, Refusal, Registration,
    Request, Resume, SeatHolder, Secret, Totals,
};
use carnet_core::id::{
    DeviceId, Digest, ImageId, LicenseId, MoveId, PassId, RequestId, RunId, ServerId, SupplierId,
    TransactionId, UserId,
};
use carnet_core::journal::{
    ClockEvidence, Delivered, Erasure, Held, Ordered, PassStatus, Received, Record, Running, State,
};
use carnet_core::offer::{
    Charging, Counting, Floating, Issuance, Listed, Offer, OncePer, OpenedBy, Overdue, Reporting, Sanction,
    UserNames,
};
use carnet_core::provision::{KeyDelivery, KeyRedemption};
use carnet_core::report::{
    Detail, Erased, ErasureCertificate, Fault, Finding, Integrity, Mark, ReportRequest, Statement,
    Surroundings, Thing, UsageReport, Wanted,
};
use carnet_core::term::{Period, Slice, Term};
use carnet_core::time::{Length, Seconds, Time};
use carnet_core::transfer::{Handover, Transfer, Which};
use carnet_seal::correspondence::{CodePart, Inquiry};
use carnet_seal::document::brought;
use carnet_seal::image::{FeatureStream, Kept};
use carnet_seal::keys::{AgreementKey, DeviceKey, KeyEntry, KeySet, Purpose, RootPin, server_id};
use carnet_seal::report::{ReportSecrets, attachment};
use carnet_seal::{ContentHash, ImageManifest, KeyRing, OfferClaims, Signed, Signer, SigningKey, sign};

use crate::tpm_key::TpmKey;

pub const ACME: SupplierId = SupplierId([0xac; 16]);
pub const UMBRA: SupplierId = SupplierId([0x0b; 16]);
pub const USER: UserId = UserId([0x05; 16]);
pub const TRANSACTION: TransactionId = TransactionId([0x7c; 16]);
pub const SECRET: Secret = Secret([0x5c; 16]);

/// The name that goes with [`device_key`].
pub fn device() -> DeviceId {
    carnet_seal::keys::device_of(device_key().public())
}

pub const LICENSE: LicenseId = LicenseId([0x11; 16]);
pub const MOVE: MoveId = MoveId([0x40; 16]);
pub const NOW: Time = Time(1_790_000_000_000_000);

pub fn app() -> AppId {
    "acme/paint".parse().unwrap()
}

pub fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32])
}

pub fn root() -> SigningKey {
    key(1)
}

pub fn server_key() -> SigningKey {
    key(2)
}

/// Issues for acme.
pub fn acme_key() -> SigningKey {
    key(3)
}

/// Issues for umbra.
pub fn umbra_key() -> SigningKey {
    key(4)
}

pub fn device_key() -> SigningKey {
    key(5)
}

/// The key of a device with a TPM.
pub fn tpm_key() -> TpmKey {
    TpmKey::from_seed(8)
}

/// The name that goes with [`tpm_key`].
pub fn tpm_device() -> DeviceId {
    carnet_seal::keys::device_of(tpm_key().public())
}

/// What that device says instead.
pub fn said_by_tpm(says: Statement) -> Statement {
    Statement { device: tpm_device(), device_key: tpm_key().public(), ..says }
}

/// What that device asks.
pub fn asked_by_tpm(operation: Operation) -> Request {
    let mut request = request(operation);
    request.journal.device = tpm_device();
    request
}

/// Acme's keys for reports.
pub fn report_secrets() -> ReportSecrets {
    ReportSecrets::from_seeds(&std::array::from_fn(|at| if at < 32 { 6 } else { 7 }))
}

pub fn report_request() -> ReportRequest {
    ReportRequest {
        server: server(),
        supplier: ACME,
        app: app(),
        user: USER,
        license: LICENSE,
        device: Some(device()),
        nonce: RequestId([0x90; 16]),
        at: NOW,
        due: NOW.plus_length(Length::days(14)),
        wanted: Wanted::Erasure,
        keys: report_secrets().public(),
    }
}

pub fn inquiry() -> Inquiry {
    let mut inquiry = Inquiry { server: server(), device: device(), at: NOW, signature: [0; 64] };
    inquiry.signature = device_key().sign(&inquiry.statement());
    inquiry
}

pub fn code_part() -> CodePart {
    let mut part = CodePart {
        server: server(),
        device: device(),
        at: NOW,
        license: LICENSE,
        wanted: Wanted::Usage,
        nonce: Some(RequestId([0x90; 16])),
        length: 9,
        digest: Digest([0x91; 32]),
        offset: 0,
        bytes: b"some part".to_vec(),
        signature: [0; 64],
    };
    part.signature = device_key().sign(&part.statement());
    part
}

pub fn statement() -> Statement {
    Statement {
        server: server(),
        device: device(),
        device_key: device_key().public().into(),
        device_name: "atelier".into(),
        user: USER,
        app: app(),
        license: Some(LICENSE),
        pass: Some(PassId([0x22; 16])),
        at: NOW,
        nonce: Some(RequestId([0x90; 16])),
        epoch: 41,
        head: Mark { sequence: 130, chain: Digest([0x31; 32]) },
        totals: totals(),
        changed: Some(drift()),
    }
}

pub fn drift() -> Drift {
    Drift { changed: [Component::Disk, Component::Network].into(), of: 5 }
}

pub fn usage_report() -> UsageReport {
    let wrong = [("bin/paint", Fault::Changed), ("share/logo.png", Fault::Missing), ("x", Fault::Unreadable)];
    let wrong = wrong.map(|(path, fault)| Finding { path: path.into(), fault });
    UsageReport {
        says: statement(),
        version: "2.1.3".parse().ok(),
        integrity: Integrity::Checked { files: 12, wrong: wrong.into() },
        records: attachment(b"the segments of a journal"),
    }
}

pub fn certificate() -> ErasureCertificate {
    ErasureCertificate { says: statement(), list: attachment(&carnet_seal::cbor::encode(&erased())) }
}

/// What was erased, and what could not be.
pub fn erased() -> Vec<Erased> {
    let item = |what: Thing, kept: Option<&str>| Erased {
        what,
        size: 700,
        digest: Digest([0x55; 32]),
        kept: kept.map(Into::into),
    };
    vec![
        item(Thing::File("bin/paint".into()), None),
        item(Thing::File("share/logo.png".into()), Some("permission denied")),
        item(Thing::ContentKeys, None),
        item(Thing::Pass(PassId([0x22; 16])), None),
    ]
}

pub fn details() -> Vec<Detail> {
    let surroundings =
        Surroundings { who: Some("ann".into()), host: Some("atelier".into()), version: "2.1.3".parse().ok() };
    vec![
        Detail::Started(surroundings.clone()),
        Detail::Used { feature: "resize".parse().ok() },
        Detail::Used { feature: None },
        Detail::Ended { lasted: Seconds(61) },
        Detail::Refused { by: surroundings, copied: true },
        Detail::Started(Surroundings::default()),
    ]
}

pub fn registered() -> DeviceKey {
    DeviceKey { server: server(), device: device(), key: device_key().verifying_key() }
}

pub fn server() -> ServerId {
    server_id(root().public()).unwrap()
}

pub fn pin() -> RootPin {
    RootPin::of_first_root(root().verifying_key().thumbprint())
}

pub fn issue(supplier: SupplierId, name: &str) -> Purpose {
    Purpose::Issue { supplier, name: name.parse().unwrap() }
}

pub fn entry(purpose: Purpose, key: &SigningKey) -> KeyEntry {
    KeyEntry { purpose, key: key.verifying_key().cose() }
}

pub fn key_set() -> KeySet {
    KeySet {
        server: server(),
        version: 7,
        root: root().verifying_key().cose(),
        issued: NOW.minus(Seconds(1_000)),
        expires: NOW.plus_length(Length::days(400)),
        keys: vec![
            entry(Purpose::Server, &server_key()),
            entry(issue(ACME, "acme"), &acme_key()),
            entry(issue(UMBRA, "umbra"), &umbra_key()),
        ],
        revoked: BTreeSet::from([key(99).key_id(), key(98).key_id()]),
        formats: BTreeMap::from([(4, 1)]),
    }
}

pub fn ring_of(set: KeySet) -> Result<KeyRing, carnet_seal::SealError> {
    KeyRing::open(sign(set, &root()).unwrap().bytes(), &pin(), 0)
}

pub fn ring() -> KeyRing {
    ring_of(key_set()).unwrap()
}

pub fn offer() -> Offer {
    Offer {
        name: "ten-runs".parse().unwrap(),
        condition: "Ten runs in a month".into(),
        features: BTreeMap::from([
            ("resize".parse().unwrap(), None),
            ("b".parse().unwrap(), Some(3)),
            ("aa".parse().unwrap(), Some(300)),
        ]),
        term: Term {
            period: Some(Period::FromAgreement(Length::days(30))),
            duration: Some(Seconds(36_000)),
            uses: Some(10),
        },
        devices: 2,
        fee: "49.00 EUR".parse().unwrap(),
        charging: Charging::Once,
        issuance: Issuance { temporary_at_purchase: true, temporary_when_refused: false },
        pass_term: Slice { uses: Some(1), duration: None, period: Some(Length::days(7)) },
        temporary_pass_term: Some(Slice { uses: Some(1), ..Slice::WHOLE }),
        counting: Counting::Online,
        grace: Some(Seconds(86_400)),
        lost_devices_per_year: 2,
        floating: Some(Floating { borrow: Some(Length::days(14)) }),
        reporting: Some(Reporting {
            keys: Some(report_secrets().public()),
            users: Some(UserNames::Hidden),
            overdue: Some(Overdue::RefuseRenewal),
            violation: Some(Sanction::Revoke),
            opened_by: Some(OpenedBy::Server),
            ..Reporting::kept_for(Length::days(90))
        }),
        once_per: Some(OncePer::Device),
        hardware_only: true,
        versions: VersionRange { from: "2.1".parse().ok(), below: "3".parse().ok() },
    }
}

/// With as little in it as an offer can have.
pub fn bare_offer() -> Offer {
    Offer {
        term: Term::PERPETUAL,
        pass_term: Slice::WHOLE,
        temporary_pass_term: None,
        counting: Counting::Offline,
        grace: None,
        floating: None,
        reporting: None,
        once_per: None,
        hardware_only: false,
        versions: VersionRange::default(),
        ..offer()
    }
}

pub fn listed() -> Listed {
    Listed { app: app(), serial: 3, offer: offer() }
}

pub fn offer_claims() -> OfferClaims {
    OfferClaims { server: server(), supplier: ACME, listed: listed() }
}

/// Signs the images of acme; never leaves its machine.
pub fn image_key() -> SigningKey {
    key(6)
}

pub fn image_manifest() -> ImageManifest {
    let stream = |feature: &str, number: u8| FeatureStream {
        feature: feature.parse().unwrap(),
        table: ContentHash([number; 32]),
        table_length: 3_000,
        list_length: 70_000,
        sealed_length: 40_000_000 + u64::from(number),
        plain_length: 1 << 33,
        entries: 1_234,
        kept: number.is_multiple_of(2).then_some(Kept::Sealed),
    };
    ImageManifest {
        id: ImageId([0x1a; 16]),
        app: app(),
        version: "2.4.0".parse().unwrap(),
        platform: "linux-x86_64".parse().unwrap(),
        built: NOW,
        features: vec![stream("brushes", 1), stream("core", 2)],
    }
}

pub fn head() -> Head {
    Head {
        server: server(),
        user: USER,
        journal: JournalName { device: device(), app: Some(app()) },
        request: RequestId([0x4e; 16]),
        quoted: 41,
        epoch: 42,
        issued: NOW,
        resume: None,
        over: BTreeSet::new(),
    }
}

pub fn answer(body: Body) -> Answer {
    Answer { head: head(), body }
}

/// What most passes look like: a period and counted uses.
pub fn pass() -> Pass {
    Pass {
        id: PassId([0x9a; 16]),
        supplier: ACME,
        app: app(),
        license: LICENSE,
        right: 1,
        generation: 4,
        kind: PassKind::Full,
        condition: "Ten runs in a month".into(),
        features: BTreeMap::from([
            ("resize".parse().unwrap(), None),
            ("export.pdf".parse().unwrap(), None),
            ("layers".parse().unwrap(), Some(16)),
        ]),
        not_before: NOW,
        expires: Some(NOW.plus_length(Length::days(7))),
        grace_until: Some(NOW.plus_length(Length::days(14))),
        from_first_use: None,
        uses: Some(Ceiling { upto: 5, licensed: 10, remaining: 4 }),
        seconds: None,
        counting: Counting::Offline,
        floating: false,
        versions: VersionRange::default(),
        reporting: None,
        device_key: device_key().public().into(),
        previous: Digest([0x77; 32]),
        from_move: None,
    }
}

/// A pass with everything that a pass can say.
pub fn full_pass() -> Pass {
    Pass {
        kind: PassKind::Temporary,
        app: "umbra/shade/dark".parse().unwrap(),
        not_before: Time(NOW.0 + 1),
        expires: Some(Time(-1)),
        grace_until: Some(Time(999_999)),
        from_first_use: Some(Length { months: 1, days: 2, seconds: 3 }),
        seconds: Some(Ceiling { upto: 3_600, licensed: 36_000, remaining: 0 }),
        counting: Counting::Online,
        versions: VersionRange { from: "2.1".parse().ok(), below: None },
        reporting: Some(Reporting::kept_for(Length::days(90))),
        from_move: Some(MOVE),
        ..pass()
    }
}

pub fn portable() -> PortablePass {
    PortablePass {
        movement: MOVE,
        supplier: ACME,
        app: app(),
        license: LICENSE,
        right: 1,
        generation: 5,
        condition: "Ten runs in a month".into(),
        features: pass().features,
        uses: Some(5),
        seconds: Some(60),
        expires: pass().expires,
        source: device(),
    }
}

pub fn refusal() -> Refusal {
    Refusal {
        reason: Reason::Exhausted,
        license: Some(LICENSE),
        menu: vec![listed(), Listed { serial: 2, offer: bare_offer(), app: app() }],
        holders: Vec::new(),
        borrow: None,
    }
}

/// Every seat is taken.
pub fn taken() -> Refusal {
    let holder = |byte: u8, until| SeatHolder { device: DeviceId([byte; 16]), until };
    let holders = vec![holder(0xd1, Some(NOW)), holder(0xd2, None)];
    Refusal { holders, ..Refusal::because(Reason::HeldElsewhere, Some(LICENSE)) }
}

/// Not for so long.
pub fn too_long() -> Refusal {
    Refusal { borrow: Some(Length::days(7)), ..Refusal::because(Reason::NotBorrowable, Some(LICENSE)) }
}

pub fn receipt() -> Receipt {
    Receipt { effect: Effect::Returned(LICENSE) }
}

pub fn registered_receipt() -> Answer {
    let effect = Effect::Registered {
        signing_key: device_key().public().into(),
        agreement_key: AgreementKey::from_seed(&[6; 32]).public(),
        evidence: Evidence::Tpm,
        only: Some(LICENSE),
        until: Some(NOW),
    };
    let journal = JournalName { device: device(), app: None };
    Answer {
        head: Head { journal, quoted: 0, epoch: 1, ..head() },
        body: Body::Receipt(Box::new(Receipt { effect })),
    }
}

pub fn totals() -> BTreeMap<LicenseId, Totals> {
    BTreeMap::from([
        (LICENSE, Totals { uses: 4, seconds: 90, first_use: Some(NOW) }),
        (LicenseId([0x12; 16]), Totals::default()),
    ])
}

/// The server was restored, and counts on from here.
pub fn reconciled() -> Answer {
    let resume = Some(Resume { totals: totals(), void: true });
    let reconcile = Refusal::because(Reason::Reconcile, None);
    Answer {
        head: Head { resume, epoch: 60, issued: Time(NOW.0 + 123_456), ..head() },
        body: Body::Refusal(Box::new(reconcile)),
    }
}

pub fn delivery() -> KeyDelivery {
    KeyDelivery {
        supplier: ACME,
        transaction: TRANSACTION,
        image: image_manifest().id,
        version: image_manifest().version,
        license: LICENSE,
        sealed: vec![0x5e; 90],
    }
}

pub fn answers() -> Vec<Answer> {
    vec![
        answer(Body::Pass(Box::new(pass()))),
        answer(Body::Pass(Box::new(full_pass()))),
        answer(Body::Portable(Box::new(portable()))),
        answer(Body::Portable(Box::new(PortablePass {
            uses: None,
            seconds: None,
            expires: None,
            ..portable()
        }))),
        answer(Body::Refusal(Box::new(refusal()))),
        answer(Body::Refusal(Box::new(taken()))),
        answer(Body::Refusal(Box::new(too_long()))),
        answer(Body::Pass(Box::new(Pass { floating: true, ..pass() }))),
        answer(Body::Receipt(Box::new(receipt()))),
        answer(Body::Receipt(Box::new(Receipt { effect: Effect::Declined(LICENSE) }))),
        answer(Body::Receipt(Box::new(Receipt { effect: Effect::MoveCancelled(MOVE) }))),
        answer(Body::Receipt(Box::new(Receipt { effect: Effect::Invited(Digest([0x1c; 32])) }))),
        answer(Body::Receipt(Box::new(Receipt { effect: Effect::Withdrawn(Digest([0x1c; 32])) }))),
        answer(Body::Receipt(Box::new(Receipt { effect: Effect::DeviceGone(device()) }))),
        answer(Body::Receipt(Box::new(Receipt { effect: Effect::Transferred(handovers()) }))),
        Answer {
            head: Head { over: BTreeSet::from([MOVE]), ..head() },
            ..answer(Body::Receipt(Box::new(Receipt { effect: Effect::Renamed(device()) })))
        },
        answer(Body::Receipt(Box::new(Receipt {
            effect: Effect::KeyOrdered { transaction: TRANSACTION, image: image_manifest().id },
        }))),
        answer(Body::Keys(Box::new(delivery()))),
        registered_receipt(),
        reconciled(),
    ]
}

pub fn agreement() -> Agreement {
    Agreement { server: server(), user: USER, device: device(), at: NOW, listed: listed() }
}

pub fn registration() -> Registration {
    Registration {
        signing_key: device_key().public().into(),
        agreement_key: AgreementKey::from_seed(&[6; 32]).public(),
        evidence: Evidence::File,
        device_name: "Ada's laptop".into(),
        device_maker: Some("Analytical Engines".into()),
        joins: Joins::NewUser {
            person: Person {
                name: "Ada Lovelace".into(),
                email: "ada@example.org".into(),
                address: Some("12 St James's Square, London".into()),
                telephone: None,
                payment_reference: Some("invoice-1843".into()),
            },
            recovery: Digest([0x4c; 32]),
        },
    }
}

pub fn joining(joins: Joins) -> Operation {
    Operation::Register(Box::new(Registration { joins, ..registration() }))
}

pub fn request(operation: Operation) -> Request {
    Request {
        server: server(),
        journal: JournalName { device: device(), app: Some(app()) },
        id: RequestId([0x4e; 16]),
        epoch: 41,
        last_answer: Digest([0x1a; 32]),
        head: Digest([0x6e; 32]),
        at: NOW,
        totals: totals(),
        portables: BTreeSet::from([MOVE]),
        operation,
    }
}

pub fn signed_portable() -> Signed<Answer> {
    sign(answer(Body::Portable(Box::new(portable()))), &acme_key()).unwrap()
}

pub fn operations() -> Vec<Operation> {
    vec![
        Operation::Register(Box::new(registration())),
        Operation::Renew { uses: 1 },
        Operation::Agree(Box::new(sign(agreement(), &device_key()).unwrap().into())),
        Operation::Decline,
        Operation::Export,
        Operation::Import(Box::new(brought(signed_portable()).unwrap())),
        Operation::CancelMove(MOVE),
        Operation::Return,
        joining(Joins::By(SECRET)),
        joining(Joins::With(Box::new(brought(signed_portable()).unwrap()))),
        Operation::Redeem(Box::new(Redemption {
            agreed: sign(agreement(), &device_key()).unwrap().into(),
            code: SECRET,
        })),
        Operation::Invite(Invitation { digest: Digest([0x1c; 32]), purpose: document::Purpose::Join }),
        Operation::Invite(Invitation { digest: Digest([0x1d; 32]), purpose: document::Purpose::Recovery }),
        Operation::Invite(Invitation {
            digest: Digest([0x1e; 32]),
            purpose: document::Purpose::Enrolment { most: 5, lifetime: Seconds(3_600) },
        }),
        Operation::Withdraw(Digest([0x1f; 32])),
        Operation::Lost(device()),
        Operation::Retire(device()),
        Operation::Rename { device: device(), name: "Ada's other laptop".into() },
        Operation::Transfer(Box::new(Transfer {
            from: device(),
            to: DeviceId([0x7d; 16]),
            apps: Which::Named(BTreeSet::from([app(), "acme/zoo".parse().unwrap()])),
            retire: false,
            wait: true,
        })),
        Operation::Transfer(Box::new(Transfer {
            from: DeviceId([0x7d; 16]),
            to: device(),
            apps: Which::All,
            retire: true,
            wait: false,
        })),
        Operation::Borrow(Length::days(3)),
        Operation::OrderKey(image_manifest().id),
        Operation::RedeemKey(Box::new(KeyRedemption {
            transaction: TRANSACTION,
            image: image_manifest().id,
            seal_to: PublicKey([0x5a; 32]),
            pass: vec![0x9a; 400],
        })),
        Operation::Replaced(Replacement { device: device(), changed: drift() }),
    ]
}

fn handovers() -> BTreeMap<AppId, Handover> {
    BTreeMap::from([
        (app(), Handover::AtOnce { uses: 3, seconds: 0 }),
        ("acme/draw".parse().unwrap(), Handover::Waits { until: Some(NOW) }),
        ("acme/film".parse().unwrap(), Handover::Waits { until: None }),
        ("acme/sing".parse().unwrap(), Handover::Refused(Reason::NotHeldThere)),
    ])
}

pub fn held() -> Held {
    let signed = sign(answer(Body::Pass(Box::new(full_pass()))), &acme_key()).unwrap();
    Held { pass: full_pass(), status: PassStatus::Moving, document: signed.bytes().to_vec() }
}

pub fn received(answer: Answer) -> Received {
    let signed = sign(answer, &acme_key()).unwrap();
    let digest = signed.body_hash();
    let (answer, document) = signed.into_parts();
    Received { answer, digest, document }
}

pub fn state() -> State {
    State {
        server: server(),
        name: JournalName { device: device(), app: Some(app()) },
        epoch: 41,
        last_answer: Digest([0x1a; 32]),
        held: Some(held()),
        totals: totals(),
        reported: totals(),
        intent: Some(request(operations().swap_remove(2))),
        portables: BTreeMap::from([(MOVE, brought(signed_portable()).unwrap())]),
        effects_due: true,
        refused: Some(Reason::HeldElsewhere),
        clock: ClockEvidence { reached: NOW, corrections: 1 },
        tails_dropped: 2,
        running: BTreeMap::from([(RunId([0x44; 16]), Running { since: NOW, joined: true })]),
        proof: vec![1, 2, 3],
        receipt: vec![4, 5],
        retention: Some(Length::days(90)),
        contact: Some(NOW),
        erasure: Some(erasure()),
        ordered: Some(Ordered { transaction: TRANSACTION, image: image_manifest().id }),
        keys: BTreeMap::from([(image_manifest().id, delivered())]),
    }
}

fn delivered() -> Delivered {
    let signed = sign(answer(Body::Keys(Box::new(delivery()))), &acme_key()).unwrap();
    Delivered { delivery: delivery(), document: signed.bytes().to_vec() }
}

fn erasure() -> Erasure {
    Erasure { list: Digest([0x77; 32]), nonce: Some(RequestId([0x78; 16])), at: NOW, done: true }
}

pub fn records() -> Vec<Record> {
    let (run, license, at) = (RunId([0x44; 16]), LICENSE, NOW);
    let mut records = vec![
        Record::Checkpoint(Box::new(state())),
        Record::EffectsDone,
        Record::RunStarted { run, license, uses: 1, at },
        Record::RunJoined { run: RunId([8; 16]), of: run, at },
        Record::Used { run, license, uses: 2, at },
        Record::Metered { run, license, seconds: Seconds(30), at },
        Record::RunEnded { run, unused: Seconds(3), at },
        Record::Disapproved { code: "no-pass".into(), at },
        Record::ClockCorrected { at },
        Record::TailDropped { length: 17, digest: Digest([3; 32]) },
        Record::WithDetail {
            of: Box::new(Record::Used { run, license, uses: 2, at }),
            run,
            begins: Some(report_secrets().public().seal_to),
            sealed: vec![1, 2, 3],
        },
        Record::RetentionGap { upto: 90, kept: Length::days(90), at },
        Record::Erasing(erasure()),
        Record::Erased,
    ];
    records.extend(operations().into_iter().map(|operation| Record::Intent(Box::new(request(operation)))));
    records.extend(answers().into_iter().map(|answer| Record::Outcome(Box::new(received(answer)))));
    records
}
