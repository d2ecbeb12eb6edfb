//! What the license allows: the one place where Carnet comes in.

use carnet_controller::{Controller, Disapproved, Run};

/// A real program has its product string compiled in and takes no other: whoever may choose the string chooses
/// the server, and so the license. This one is an example that is shown with a new server each time; therefore
/// the command line and `IMAGETOOL_PRODUCT` may say another.
const PRODUCT: Option<&str> = option_env!("CARNET_PRODUCT");

/// The names under which the program's functions and content are licensed: the commands `resize`, `convert` and
/// `sheet`, and for each frame that is content `frame.<name>`.
pub trait License {
    /// Whether a feature may be used now.
    fn allows(&self, feature: &str) -> bool;

    /// Why nothing may be used any more, where that is so.
    fn ended(&self) -> Option<Disapproved> {
        None
    }
}

impl License for Run {
    fn allows(&self, feature: &str) -> bool {
        Self::allows(self, feature)
    }

    fn ended(&self) -> Option<Disapproved> {
        self.disapproved()
    }
}

/// Why the program does not run.
#[derive(Debug, thiserror::Error)]
pub enum NotLicensed {
    /// This copy was built without a product string, and none was given.
    #[error(
        "this copy of imagetool does not know what it is licensed as: give --product or set IMAGETOOL_PRODUCT"
    )]
    NoProduct,
    /// Run disapproved.
    #[error("{}", .0.explained())]
    Disapproved(#[from] Disapproved),
    /// Something that was not bought.
    #[error("not licensed: this device has no license for `{feature}`")]
    NotBought {
        /// Its name.
        feature: String,
    },
}

/// The controller of this program.
pub fn controller(product: Option<&str>) -> Result<Controller, NotLicensed> {
    let product = product.or(PRODUCT).ok_or(NotLicensed::NoProduct)?;
    Ok(Controller::open(product)?)
}

/// Starts a run for these features. It is counted only when the pass on this device does not show already that
/// one of them was not bought.
pub fn start(controller: &Controller, features: &[String]) -> Result<Run, NotLicensed> {
    if let Some(holding) = controller.holding()?.filter(|holding| holding.disapproved.is_none()) {
        let missing = features.iter().find(|feature| !holding.features.contains_key(feature.as_str()));
        missing.map_or(Ok(()), |feature| Err(NotLicensed::NotBought { feature: feature.clone() }))?;
    }
    let run = controller.start()?;
    for warning in run.warnings() {
        eprintln!("warning: {warning}");
    }
    Ok(run)
}

/// What the license allows and what is left, for people.
pub fn shown(controller: &Controller) -> Result<String, NotLicensed> {
    let app = &controller.product().app;
    let Some(holding) = controller.holding()? else {
        return Ok(format!(
            "{app}: no license on this device yet; `carnet menu {app}` shows what is on offer"
        ));
    };
    let features: Vec<_> = holding.features.keys().map(ToString::to_string).collect();
    let mut text = format!("{} ({app})", holding.condition);
    text += &format!("\n  allows  {}", features.join(", "));
    text += &format!("\n  left    {}", holding.remaining);
    if let Some(why) = holding.disapproved {
        text += &format!("\n  now     {why}");
    }
    Ok(text)
}
