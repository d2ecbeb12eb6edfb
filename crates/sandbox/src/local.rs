//! A device on the real disk and a server on this machine, for tests that start whole programs.

use std::fmt;
use std::io::{Error, ErrorKind};
use std::path::{Path, PathBuf};

use carnet_controller::{Controller, Holding, ProductString};
use carnet_core::app::AppId;
use carnet_core::document::Operation;
use carnet_core::license::Act;
use carnet_device::identity::Binding;
use carnet_device::platform::ThisMachine;
use carnet_device::{Env, Passbook};
use carnet_seam::SystemClock;
use carnet_testkit::{FakeServer, customer};

use crate::grant::Grant;
use crate::http::Reachable;

/// A device on the real disk and a server on this machine: for tests that start a program as a process, or
/// several of them. Real files, real time, real HTTP; the server's books are in memory.
///
/// The program under test must take its product string from the test, by an environment variable or when it is
/// compiled: a shipped program has its own compiled in and follows no other. Start it with `CARNET_HOME` set to
/// [`Local::home`].
///
/// ```
/// use std::process::Command;
/// use carnet_sandbox::{Grant, Local};
///
/// # let target = std::env::temp_dir().join(format!("carnet-local-{}", std::process::id()));
/// # let program = "true";
/// // In a test: `let target = env!("CARGO_TARGET_TMPDIR"); let program = env!("CARGO_BIN_EXE_paint");`
/// let device = Local::granting(&target, "acme/paint", Grant::new("Ten runs").feature("resize").uses(10))?;
/// Command::new(program)
///     .env("CARNET_HOME", device.home())
///     .env("PAINT_PRODUCT", device.product().to_string())
///     .status()?;
/// # drop(device); std::fs::remove_dir_all(&target)?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Local {
    home: PathBuf,
    server: FakeServer,
    product: ProductString,
    port: u16,
    reachable: Option<Reachable>,
}

impl Local {
    /// A device that nobody has registered, in a folder of its own, which is emptied.
    ///
    /// # Errors
    /// What the system reports, and [`ErrorKind::InvalidInput`] when this is no app id.
    pub fn unregistered(folder: &Path, app: &str) -> Result<Self, Error> {
        let wrong = |wrong: String| Error::new(ErrorKind::InvalidInput, wrong);
        let app: AppId = app.parse().map_err(|bad| wrong(format!("{bad}")))?;
        if folder.exists() {
            std::fs::remove_dir_all(folder)?;
        }
        let server = FakeServer::of(app.supplier(), SystemClock);
        let reachable = Reachable::at(0, server.clone())?;
        let port = reachable.port();
        let mut product = server.product(&app);
        product.url = format!("http://127.0.0.1:{port}").parse().map_err(|bad| wrong(format!("{bad}")))?;
        Ok(Self { home: folder.join("carnet"), server, product, port, reachable: Some(reachable) })
    }

    /// A registered device whose user has this license, and the first pass of it.
    ///
    /// # Errors
    /// As [`Local::unregistered`].
    ///
    /// # Panics
    /// When no server has such an offer.
    pub fn granting(folder: &Path, app: &str, grant: Grant) -> Result<Self, Error> {
        let local = Self::unregistered(folder, app)?;
        local.register()?;
        local.agree(grant)?;
        Ok(local)
    }

    /// What `CARNET_HOME` must be for the program.
    #[must_use]
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// With which the program must be opened.
    #[must_use]
    pub fn product(&self) -> &ProductString {
        &self.product
    }

    /// A controller in this process, on the same passbook.
    ///
    /// # Panics
    /// Never: the product string is a good one.
    #[must_use]
    #[expect(clippy::expect_used, reason = "the product string comes from the server itself")]
    pub fn controller(&self) -> Controller {
        Controller::builder(&self.product.to_string()).home(&self.home).open().expect("a good product string")
    }

    /// What the programs have left.
    #[must_use]
    pub fn holding(&self) -> Option<Holding> {
        self.controller().holding().ok().flatten()
    }

    /// The user registers this device.
    ///
    /// # Errors
    /// What is wrong with the folder.
    pub fn register(&self) -> Result<(), Error> {
        // Containers show too little of a machine to be told from another.
        let evidence = self.home.with_extension("evidence");
        let binding = Binding::File(&evidence);
        customer::register(&self.server, Env::real(), &self.home, &binding).map(drop).map_err(Error::other)
    }

    /// The menu of the app has this from now on, and the user agrees to it.
    ///
    /// # Errors
    /// What is wrong with the folder.
    ///
    /// # Panics
    /// When no server has such an offer, or the device is not registered.
    pub fn agree(&self, grant: Grant) -> Result<(), Error> {
        let agreed =
            customer::agree(&mut self.passbook()?, &self.product.app, &self.server, grant.into_offer());
        agreed.map(drop).map_err(Error::other)
    }

    /// The supplier revokes the license, and this device hears of it.
    ///
    /// # Errors
    /// What is wrong with the folder.
    pub fn revoke(&self) -> Result<(), Error> {
        self.server.licenses().iter().for_each(|license| {
            self.server.act(license.id, Act::Revoke);
        });
        let (app, renew) = (Some(&self.product.app), Operation::Renew { uses: 0 });
        customer::ask(&mut self.passbook()?, app, &self.server, &renew).map(drop).map_err(Error::other)
    }

    /// From now on the server cannot be reached.
    pub fn go_offline(&mut self) {
        self.reachable = None;
    }

    /// From now on it can, at the same address.
    ///
    /// # Errors
    /// When somebody else has taken the address meanwhile.
    pub fn go_online(&mut self) -> Result<(), Error> {
        if self.reachable.is_none() {
            self.reachable = Some(Reachable::at(self.port, self.server.clone())?);
        }
        Ok(())
    }

    fn passbook(&self) -> Result<Passbook, Error> {
        Passbook::open(Env::real(), &self.home, self.server.pin(), &ThisMachine::default())
            .map_err(Error::other)
    }
}

impl fmt::Debug for Local {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Local({} in {})", self.product.app, self.home.display())
    }
}
