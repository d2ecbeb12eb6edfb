//! Devices that renew again and again.

use carnet_core::app::AppId;
use serde_json::json;

use crate::device_world::Device;
use crate::world::World;

/// So many devices of one user, each with a pass of one use that is used up, of licenses of so many.
pub async fn fleet(world: &World, count: usize, uses: u64) -> (AppId, Vec<Device>) {
    let supplier = world.supplier("acme").await;
    let offer = json!({
        "name": "many", "condition": "Many runs", "features": {"resize": null},
        "term": {"uses": uses}, "fee": "0 EUR", "pass_term": {"uses": 1},
    });
    let app: AppId = supplier.app("paint", &[offer]).await.parse().unwrap();
    let mut devices = Vec::new();
    for _ in 0..count {
        let mut device = Device::registered(world).await;
        let pass = device.buy(world, &app).await;
        device.use_up(pass.license, 1);
        devices.push(device);
    }
    (app, devices)
}
