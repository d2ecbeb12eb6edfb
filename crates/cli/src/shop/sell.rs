//! `carnet shop sell`: a user and the devices that they have bought, registered over the counter (B1, B11).

use std::path::{Path, PathBuf};

use carnet_api::ProblemCode;
use carnet_api::path::{REDEEM_CODES, SERVER, SHOP_SALES, SUPPLIER};
use carnet_api::redeem::{NewRedeemCodes, RedeemCode};
use carnet_api::server::ServerInfo;
use carnet_api::shop::{MOST_DEVICES, Sale};
use carnet_api::supplier::Supplier;
use carnet_core::id::{Digest, UserId};
use carnet_core::term::moment;
use carnet_core::time::{Time, counted};
use carnet_manager::ManagerError;
use carnet_manager::person::{self, Details};
use carnet_seal::code::{CodeKind, CodeText, digest_of};
use carnet_seam::fs::replace_file;
use clap::Args;
use serde::Serialize;

use super::file::ShopFile;
use super::plan::{Bought, Device, Plan};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::http::{Call, Http};
use crate::supplier::{bundle, credentials};
use crate::text::clean;

/// Register a user with the devices that they have bought, and write a file for each device.
#[derive(Args)]
pub struct Sell {
    /// The user's name
    #[arg(long, value_name = "NAME")]
    name: String,
    /// The user's e-mail address
    #[arg(long, value_name = "ADDRESS")]
    email: String,
    /// The user's postal address, where a supplier asks for it
    #[arg(long, value_name = "TEXT")]
    address: Option<String>,
    /// The user's telephone number, where a supplier asks for it
    #[arg(long, value_name = "NUMBER")]
    telephone: Option<String>,
    /// A reference to how the user pays; never a card number
    #[arg(long, value_name = "REFERENCE")]
    payment_reference: Option<String>,
    /// A device that was sold, and who made it; once for each
    #[arg(long = "device", value_name = "NAME[:MAKER]", required = true)]
    devices: Vec<Device>,
    /// An offer that was paid for here; once for each
    #[arg(long = "offer", value_name = "APP=OFFER")]
    offers: Vec<Bought>,
    /// For how many days the devices may join
    #[arg(long, value_name = "DAYS", default_value_t = 90, value_parser = clap::value_parser!(u32).range(1..=366))]
    days: u32,
    /// The folder to hand over: it must not exist, or be empty
    #[arg(long, value_name = "FOLDER")]
    to: PathBuf,
    /// Put this program into the folder too
    #[arg(long)]
    with_program: bool,
    /// The root hash that the server must have
    #[arg(long, value_name = "HASH")]
    root: Option<Digest>,
}

/// Personal values stay out of logs (I19).
impl std::fmt::Debug for Sell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sell(…)")
    }
}

/// What is printed with `--json`.
#[derive(Serialize)]
struct Shown {
    outcome: &'static str,
    user: UserId,
    devices: usize,
    until: Time,
    files: Vec<PathBuf>,
}

impl Sell {
    /// Sells. What was cut off is carried on by the same command.
    ///
    /// # Errors
    /// Why it could not be done; unless it says that an answer is missing, nobody was registered.
    pub fn run(&self, context: &Context) -> Result<(), Failure> {
        let http = credentials::http(context, None)?;
        let supplier: Supplier = http.send(Call::get(SUPPLIER))?;
        let plan = match Plan::begun(context, &self.to)? {
            Some(plan) if !self.is_of(&plan) => {
                let what =
                    format!("a sale to somebody else was begun in {} and not finished", self.to.display());
                return Err(Failure::new(Exit::Failure, "folder-in-use", what)
                    .with_remedy("finish that one first, or name another folder"));
            }
            Some(plan) => plan,
            None => self.plan(&http)?,
        };
        plan.keep(context, &self.to)?;
        let sold = register(&http, &plan).or_else(|failure| {
            // Without an answer it may have been done: the plan stays for the next attempt.
            if failure.exit != Exit::Unreachable && failure.code != "server-answer" {
                Plan::forget(context, &self.to)?;
            }
            Err(failure)
        })?;
        let files = self.write(context, &supplier, &plan, &sold)?;
        Plan::forget(context, &self.to)?;
        let devices = plan.devices.len();
        let shown = Shown { outcome: "sold", user: sold.user, devices, until: sold.until, files };
        context.output.result(&shown, || in_words(&shown, &self.to))
    }

    fn plan(&self, http: &Http) -> Result<Plan, Failure> {
        let person = self.details().check().map_err(ManagerError::Person)?;
        for device in &self.devices {
            if let Some(wrong) = person::device(&device.name, device.maker.as_deref()) {
                return Err(ManagerError::Person(vec![wrong]).into());
            }
        }
        if self.devices.len() > MOST_DEVICES {
            return Err(Failure::usage(format!("more than {MOST_DEVICES} devices"))
                .with_remedy("make several sales of it, and let the user join the others later"));
        }
        let info: ServerInfo = http.send(Call::get(SERVER))?;
        if self.root.is_some_and(|root| root != info.root) {
            let what = format!("the server at {} has another root hash: {}", http.server(), info.root);
            return Err(Failure::new(Exit::Failure, "untrusted", what)
                .with_remedy("compare it with what the operator of the server says; nobody was registered"));
        }
        let at = (http.server().to_string(), info.root);
        Plan::draw(at, person, self.days, &self.devices, &self.offers)
    }

    /// A sale that was begun is carried on only for whom it was begun.
    fn is_of(&self, plan: &Plan) -> bool {
        plan.sale.name == self.name.trim() && plan.sale.email == self.email.trim()
    }

    fn details(&self) -> Details {
        Details {
            name: self.name.clone(),
            email: self.email.clone(),
            address: self.address.clone(),
            telephone: self.telephone.clone(),
            payment_reference: self.payment_reference.clone(),
        }
    }

    fn write(
        &self,
        context: &Context,
        supplier: &Supplier,
        plan: &Plan,
        sold: &Sale,
    ) -> Result<Vec<PathBuf>, Failure> {
        let mut files = Vec::new();
        for (number, device) in (1..).zip(&plan.devices) {
            // One license is enough: the first device takes it up, the others find it in the account.
            let redeem: Vec<_> = plan.offers.iter().map(|offer| offer.code.clone()).collect();
            let file = ShopFile {
                carnet_shop_file: ShopFile::form(),
                server: plan.server.clone(),
                root: plan.root,
                shop: supplier.name.to_string(),
                user: sold.user,
                device: device.name.clone(),
                maker: device.maker.clone(),
                code: device.code.clone(),
                until: sold.until,
                redeem: if number == 1 { redeem } else { Vec::new() },
            };
            let path = self.to.join(format!("{number}-{}.carnet-shop", plain(&device.name)));
            replace_file(&*context.files, &path, file.text()?.as_bytes())?;
            files.push(path);
        }
        if self.with_program {
            files.push(bundle::copy_program(&self.to)?);
        }
        let sheet = self.to.join("README.txt");
        replace_file(&*context.files, &sheet, leaflet(plan, sold, &files).as_bytes())?;
        files.push(sheet);
        Ok(files)
    }
}

/// The offers first: what is not on sale registers nobody.
fn register(http: &Http, plan: &Plan) -> Result<Sale, Failure> {
    for bought in &plan.offers {
        let secret = CodeText::read(&bought.code, CodeKind::Redeem);
        let secret = secret.map_err(|wrong| Failure::usage(wrong.to_string()))?;
        let new = NewRedeemCodes {
            app: bought.app.clone(),
            offer: bought.offer.clone(),
            label: "shop".into(),
            expires: None,
            digests: vec![digest_of(secret)],
        };
        match http.send::<Vec<RedeemCode>>(Call::post(REDEEM_CODES).json(&new)?) {
            Ok(_) => {}
            // A code that was drawn here is in use because an earlier attempt has made it.
            Err(failure) if failure.code == ProblemCode::Invalid.as_str() => {}
            Err(failure) if failure.code == ProblemCode::NotFound.as_str() => {
                let what = format!("there is no offer `{}` in a menu of {}", bought.offer, bought.app);
                return Err(Failure { message: what, ..failure }
                    .with_remedy(format!("see `carnet menu {}`; nobody was registered", bought.app)));
            }
            Err(failure) => return Err(failure),
        }
    }
    http.send(Call::post(SHOP_SALES).json(&plan.sale)?)
}

/// Fit for a file name anywhere.
fn plain(name: &str) -> String {
    let letter =
        |letter: char| if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '-' };
    let text: String = name.chars().map(letter).take(40).collect();
    text.trim_matches('-').to_owned()
}

fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

fn leaflet(plan: &Plan, sold: &Sale, files: &[PathBuf]) -> String {
    let mut words = format!(
        "For {}\n\nYou are registered at {} as\n\n  {}\n\nOn each device, with the file that bears its name:\n\n",
        clean(&plan.sale.name),
        plan.server,
        sold.user
    );
    let program = if files.iter().any(|path| file_name(path) == "carnet") { "./carnet" } else { "carnet" };
    for path in files.iter().take(plan.devices.len()) {
        words += &format!("  {program} register --from-shop {}\n", file_name(path));
    }
    words += &format!(
        "\nEach file is good once, until {}. The first device shows a recovery code: write it down. The shop does not \
         have it.\nWhoever has one of these files can join as that device, so keep them to yourself until they are used.\n",
        moment(sold.until)
    );
    words
}

fn in_words(shown: &Shown, folder: &Path) -> String {
    let Shown { user, devices, until, .. } = shown;
    format!(
        "Registered: {user}, with {}, which may join until {}.\nHand {} over, and keep no copy: it holds what lets the devices join.\n",
        counted(*devices as u64, "device"),
        moment(*until),
        clean(&folder.display().to_string())
    )
}
