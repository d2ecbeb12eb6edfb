//! The file with the server's keys is gone: the manager fetches it again, and registers nobody twice (I8).

use carnet_manager::ManagerError;
use carnet_testkit::Mishap;

use crate::world::World;

fn lose_keys(world: &World) {
    let files = world.disk.files();
    world.disk.take(files.keys().find(|path| path.ends_with("key-set")).unwrap());
}

#[test]
fn i8_a_device_that_lost_the_servers_keys_is_still_registered() {
    let world = World::new();
    let registered = world.register().unwrap();
    lose_keys(&world);
    world.agree().unwrap();
    lose_keys(&world);
    let again = world.register().unwrap();
    assert_eq!((again.user, again.device), (registered.user, registered.device));
    lose_keys(&world);
    let finished = world.manager().finish_registration().unwrap().unwrap();
    assert_eq!(finished.user, registered.user);
}

#[test]
fn i8_where_the_server_is_away_the_manager_says_that_and_not_to_register() {
    let world = World::new();
    world.register().unwrap();
    let offer = world.listed();
    lose_keys(&world);
    world.server.expect([Mishap::Away]);
    let told = world.manager().agree(&crate::world::app(), &offer, false).unwrap_err();
    assert!(matches!(told, ManagerError::Net(_)), "{told}");
    assert!(world.agree().is_ok());
}
