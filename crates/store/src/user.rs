//! Users: the person data, kept apart from everything else so that it can be erased (I19).

use std::collections::BTreeMap;

use carnet_core::document::Person;
use carnet_core::id::{DeviceId, UserId};
use carnet_core::license::License;
use carnet_core::server::{Journal, Move};
use carnet_core::time::Time;

use crate::StoreError;
use crate::device::NamedDevice;
use crate::row::Columns;
use crate::sql::{one_row, statements};
use crate::tx::{Reading, Writing};
use crate::value::params;

/// What the server keeps of a user besides licenses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Who.
    pub user: UserId,
    /// Since when.
    pub created: Time,
    /// The person; none when erased, or never told (the server was restored).
    pub person: Option<Person>,
}

/// Everything a user has, from one snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountView {
    /// The account.
    pub account: Account,
    /// The licenses.
    pub licenses: Vec<License>,
    /// The devices.
    pub devices: Vec<NamedDevice>,
    /// The journals, each with its active pass.
    pub journals: Vec<Journal>,
    /// The moves.
    pub moves: Vec<Move>,
    /// When each device has asked for something last.
    pub contacts: BTreeMap<DeviceId, Time>,
}

statements! {
    BY_ID = "SELECT user_id, created, name, email, address, telephone, payment_reference FROM account WHERE user_id = ?1";
    INSERT = "INSERT INTO account (user_id, created, name, email, address, telephone, payment_reference) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING";
    SET_PERSON = "UPDATE account SET name = ?2, email = ?3, address = ?4, telephone = ?5, payment_reference = ?6 WHERE user_id = ?1";
    ERASE_NAMES = "DELETE FROM device_name WHERE user_id = ?1";
}

impl Reading<'_> {
    /// The account of a user.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn account(&self, user: UserId) -> Result<Option<Account>, StoreError> {
        self.one(BY_ID, params![user.0], account)
    }

    /// Everything the user has.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn account_view(&self, user: UserId) -> Result<Option<AccountView>, StoreError> {
        let Some(account) = self.account(user)? else { return Ok(None) };
        Ok(Some(AccountView {
            account,
            licenses: self.licenses_of_user(user)?,
            devices: self.devices_of(user)?,
            journals: self.journals_of_user(user)?,
            moves: self.moves_of_user(user)?,
            contacts: self.contacts_of(user)?,
        }))
    }
}

impl Writing<'_> {
    /// Adds a user; one that is there already stays as it is.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn add_account(&self, account: &Account) -> Result<(), StoreError> {
        let Account { user, created, person } = account;
        let [name, email, address, telephone, payment] = columns(person.as_ref());
        self.unguarded(INSERT, params![user.0, created.0, name, email, address, telephone, payment])
    }

    /// Changes the person data.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is no such user.
    pub fn set_person(&self, user: UserId, person: &Person) -> Result<(), StoreError> {
        self.put_person(user, Some(person))
    }

    /// Removes every personal value; the pseudonymous id and the licenses stay, and chains verify (I19).
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is no such user.
    pub fn erase_person(&self, user: UserId) -> Result<(), StoreError> {
        self.execute(ERASE_NAMES, params![user.0])?;
        self.drop_report_parts(user)?;
        self.put_person(user, None)
    }

    fn put_person(&self, user: UserId, person: Option<&Person>) -> Result<(), StoreError> {
        let [name, email, address, telephone, payment] = columns(person);
        let rows = self.execute(SET_PERSON, params![user.0, name, email, address, telephone, payment])?;
        one_row(rows, StoreError::NotFound { what: "user" })
    }
}

fn columns(person: Option<&Person>) -> [Option<&str>; 5] {
    let Some(Person { name, email, address, telephone, payment_reference }) = person else {
        return [None; 5];
    };
    [Some(name), Some(email), address.as_deref(), telephone.as_deref(), payment_reference.as_deref()]
}

fn account(mut row: Columns<'_>) -> Result<Account, StoreError> {
    let (user, created) = (UserId(row.bytes("user_id")?), row.time("created")?);
    let mut text = |column| row.some_text(column).map(|text| text.map(str::to_owned));
    let (name, email) = (text("name")?, text("email")?);
    let (address, telephone) = (text("address")?, text("telephone")?);
    let payment_reference = text("payment_reference")?;
    let person =
        name.zip(email).map(|(name, email)| Person { name, email, address, telephone, payment_reference });
    Ok(Account { user, created, person })
}
