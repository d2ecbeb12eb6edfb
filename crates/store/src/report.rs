//! Requests of suppliers on their way to devices, sealed codes on their way back, and what they were judged to be (C4).
//!
//! Nothing here can be read by the server: a request is signed by the supplier, a code is sealed to it. Their rows
//! say who may have them, and until when.

use carnet_core::app::AppId;
use carnet_core::id::{DeviceId, Digest, LicenseId, ReportId, RequestId, SupplierId, UserId};
use carnet_core::report::Wanted;
use carnet_core::time::Time;

use crate::StoreError;
use crate::license::Page;
use crate::row::{Columns, stored};
use crate::sql::{one_row, statements};
use crate::tx::{Reading, Writing};
use crate::value::params;

/// A supplier's request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptRequest {
    /// Whose answer is wanted.
    pub user: UserId,
    /// Its nonce.
    pub nonce: RequestId,
    /// Who asks.
    pub supplier: SupplierId,
    /// About which license.
    pub license: LicenseId,
    /// About which app.
    pub app: AppId,
    /// On which device; none: on each that has used it.
    pub device: Option<DeviceId>,
    /// What is wanted.
    pub wanted: Wanted,
    /// When it was made.
    pub made: Time,
    /// Until when the answer is due.
    pub due: Time,
    /// As the supplier has signed it.
    pub document: Vec<u8>,
    /// What has become of it.
    pub state: RequestState,
}

/// What has become of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestState {
    /// Nobody has answered.
    Open,
    /// A device says that it has answered; the supplier has not judged it yet.
    Answered,
    /// An answer was judged, or the supplier has given it up.
    Closed,
}

/// A code, or what was judged of one that did not come this way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptReport {
    /// Whose device has made it.
    pub user: UserId,
    /// The digest of the code.
    pub digest: Digest,
    /// For whom.
    pub supplier: SupplierId,
    /// About which license, as the device says.
    pub license: LicenseId,
    /// About which app.
    pub app: AppId,
    /// Which device.
    pub device: DeviceId,
    /// What kind of code.
    pub wanted: Wanted,
    /// The request that it answers, as the device says.
    pub nonce: Option<RequestId>,
    /// Its bytes.
    pub length: u64,
    /// Those that have arrived.
    pub arrived: u64,
    /// How far it has come.
    pub state: ReportState,
    /// What it was judged to be.
    pub verdict: Option<Judged>,
    /// When it began to come.
    pub received: Time,
}

impl KeptReport {
    /// The short name: the beginning of the digest.
    #[must_use]
    pub fn id(&self) -> ReportId {
        id_of(self.digest)
    }
}

/// The short name of the code with this digest.
#[must_use]
pub fn id_of(digest: Digest) -> ReportId {
    let mut id = [0; 16];
    id.copy_from_slice(&digest.0[..16]);
    ReportId(id)
}

/// How far a code has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportState {
    /// Parts of it are missing.
    Arriving,
    /// It waits for its supplier.
    Waiting,
    /// It came another way, or its bytes were dropped.
    Elsewhere,
    /// It was judged.
    Judged,
}

/// What a supplier says of a code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// Stable code of the verdict.
    pub verdict: String,
    /// The reasons, in JSON: their codes and what they say.
    pub reasons: String,
    /// The user is to be told.
    pub notice: bool,
    /// When.
    pub at: Time,
    /// Who.
    pub by: String,
}

macro_rules! requests {
    ($rest:literal) => {
        concat!(
            "SELECT user_id, nonce, supplier_id, license_id, app_id, device_id, wanted, made, due, document, state ",
            "FROM report_request ",
            $rest
        )
    };
}

macro_rules! reports {
    ($rest:literal) => {
        concat!(
            "SELECT user_id, digest, supplier_id, license_id, app_id, device_id, wanted, nonce, length, arrived, ",
            "state, verdict, reasons, notice, received, judged, judged_by FROM report ",
            $rest
        )
    };
}

statements! {
    REQUEST = requests!("WHERE user_id = ?1 AND nonce = ?2");
    FOR_DEVICE = requests!("WHERE user_id = ?1 AND state <> 'closed' AND (device_id IS NULL OR device_id = ?2) AND NOT EXISTS (SELECT 1 FROM report AS a WHERE a.user_id = report_request.user_id AND a.nonce = report_request.nonce AND a.device_id = ?2 AND a.state <> 'arriving') ORDER BY due, nonce LIMIT ?3");
    OF_SUPPLIER = requests!("WHERE supplier_id = ?1 AND (made, nonce) < (?2, ?3) ORDER BY made DESC, nonce DESC LIMIT ?4");
    ANSWERED_BY = "SELECT DISTINCT device_id FROM report WHERE user_id = ?1 AND nonce = ?2 AND state <> 'arriving'";
    FIRST_DUE = "SELECT min(due) FROM report_request WHERE user_id = ?1 AND license_id = ?2 AND state = 'open'";
    ADD_REQUEST = "INSERT INTO report_request (user_id, nonce, supplier_id, license_id, app_id, device_id, wanted, made, due, document, state, changed) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 'open', ?8) ON CONFLICT DO NOTHING";
    SET_REQUEST = "UPDATE report_request SET state = ?3, changed = ?4 WHERE user_id = ?1 AND nonce = ?2 AND state <> 'closed'";
    REPORT = reports!("WHERE user_id = ?1 AND digest = ?2");
    REPORT_BY_ID = reports!("WHERE supplier_id = ?1 AND report_id = ?2");
    REPORTS = reports!("WHERE supplier_id = ?1 AND state <> 'arriving' AND (received, digest) < (?2, ?3) ORDER BY received DESC, digest DESC LIMIT ?4");
    THAT_WAIT = reports!("WHERE state = 'waiting' AND (received, digest) > (?1, ?2) ORDER BY received, digest LIMIT ?3");
    BEFORE = reports!("WHERE user_id = ?1 AND device_id = ?2 AND app_id = ?3 AND supplier_id = ?4 AND state = 'judged' AND verdict IN ('within-contract', 'erasure-confirmed') AND arrived = length ORDER BY received DESC, digest DESC LIMIT 1");
    NOTICES = reports!("WHERE user_id = ?1 AND notice = 1 AND verdict IS NOT NULL ORDER BY judged DESC LIMIT ?2");
    WAITING = "SELECT count(*), CAST(coalesce(sum(length), 0) AS BIGINT) FROM report WHERE user_id = ?1 AND state IN ('arriving', 'waiting')";
    PART = "SELECT bytes FROM report_part WHERE user_id = ?1 AND digest = ?2 AND begins = ?3";
    ADD_REPORT = "INSERT INTO report (user_id, digest, report_id, supplier_id, license_id, app_id, device_id, wanted, nonce, length, arrived, state, reasons, notice, received) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 0, ?11, '[]', 0, ?12)";
    ADD_PART = "INSERT INTO report_part (user_id, digest, begins, bytes) VALUES (?1, ?2, ?3, ?4)";
    SET_ARRIVED = "UPDATE report SET arrived = ?3, state = ?4 WHERE user_id = ?1 AND digest = ?2 AND state = 'arriving'";
    JUDGE = "UPDATE report SET state = 'judged', verdict = ?3, reasons = ?4, notice = ?5, judged = ?6, judged_by = ?7 WHERE user_id = ?1 AND digest = ?2";
    DROP_PARTS = "DELETE FROM report_part WHERE user_id = ?1 AND digest IN (SELECT digest FROM report WHERE user_id = ?1)";
    OLD_PARTS = "DELETE FROM report_part WHERE EXISTS (SELECT 1 FROM report AS r WHERE r.user_id = report_part.user_id AND r.digest = report_part.digest AND (r.received < ?1 OR (r.received < ?2 AND r.state = 'arriving')))";
    OLD_ARRIVING = "DELETE FROM report WHERE received < ?1 AND state = 'arriving'";
    OLD_WAITING = "UPDATE report SET state = 'elsewhere' WHERE received < ?1 AND state = 'waiting'";
}

impl Reading<'_> {
    /// A request by its nonce.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn report_request(&self, user: UserId, nonce: RequestId) -> Result<Option<KeptRequest>, StoreError> {
        self.one(REQUEST, params![user.0, nonce.0], request)
    }

    /// What a device is asked and has not answered, the first due first.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn report_requests_for(
        &self,
        user: UserId,
        device: DeviceId,
        limit: u32,
    ) -> Result<Vec<KeptRequest>, StoreError> {
        self.all(FOR_DEVICE, params![user.0, device.0, limit], request)
    }

    /// The devices that have answered a request.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn answered_by(&self, user: UserId, nonce: RequestId) -> Result<Vec<DeviceId>, StoreError> {
        self.all(ANSWERED_BY, params![user.0, nonce.0], |mut row| Ok(DeviceId(row.bytes("device_id")?)))
    }

    /// A supplier's requests, newest first, from before `before` on.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn report_requests_of(
        &self,
        supplier: SupplierId,
        before: Option<(Time, RequestId)>,
        limit: u32,
    ) -> Result<Page<KeptRequest, (Time, RequestId)>, StoreError> {
        let (made, nonce) = before.unwrap_or((Time::LATEST, RequestId([0xff; 16])));
        let want = limit.saturating_add(1);
        let items = self.all(OF_SUPPLIER, params![supplier.0, made.0, nonce.0, want], request)?;
        Ok(cut(items, limit, |request| (request.made, request.nonce)))
    }

    /// Until when the first open request about a license is to be answered.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn first_report_due(&self, user: UserId, license: LicenseId) -> Result<Option<Time>, StoreError> {
        let found = self.one(FIRST_DUE, params![user.0, license.0], |mut row| row.some_time("due"))?;
        Ok(found.flatten())
    }

    /// A code by its digest.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn report(&self, user: UserId, digest: Digest) -> Result<Option<KeptReport>, StoreError> {
        self.one(REPORT, params![user.0, digest.0], report)
    }

    /// A supplier's code by its short name.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn report_of(&self, supplier: SupplierId, id: ReportId) -> Result<Option<KeptReport>, StoreError> {
        self.one(REPORT_BY_ID, params![supplier.0, id.0], report)
    }

    /// A supplier's codes that have come, newest first, from before `before` on.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn reports_of(
        &self,
        supplier: SupplierId,
        before: Option<(Time, Digest)>,
        limit: u32,
    ) -> Result<Page<KeptReport, (Time, Digest)>, StoreError> {
        let (received, digest) = before.unwrap_or((Time::LATEST, Digest([0xff; 32])));
        let want = limit.saturating_add(1);
        let items = self.all(REPORTS, params![supplier.0, received.0, digest.0, want], report)?;
        Ok(cut(items, limit, |report| (report.received, report.digest)))
    }

    /// Codes that wait for whichever supplier, oldest first, from after `after` on.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn reports_that_wait(
        &self,
        after: Option<(Time, Digest)>,
        limit: u32,
    ) -> Result<Vec<KeptReport>, StoreError> {
        let (received, digest) = after.unwrap_or((Time(i64::MIN), Digest([0; 32])));
        self.all(THAT_WAIT, params![received.0, digest.0, limit], report)
    }

    /// The last code of the same device about the same app that came this way and was found good.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn report_before(&self, of: &KeptReport) -> Result<Option<KeptReport>, StoreError> {
        self.one(BEFORE, params![of.user.0, of.device.0, of.app.as_str(), of.supplier.0], report)
    }

    /// What a user is to be told, newest first.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn report_notices(&self, user: UserId, limit: u32) -> Result<Vec<KeptReport>, StoreError> {
        self.all(NOTICES, params![user.0, limit], report)
    }

    /// How many codes of a user wait for suppliers, and their bytes.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn reports_waiting(&self, user: UserId) -> Result<(u64, u64), StoreError> {
        let found =
            self.one(WAITING, params![user.0], |mut row| Ok((row.amount("count")?, row.amount("bytes")?)))?;
        Ok(found.unwrap_or_default())
    }

    /// The part of a code that begins there; none where nothing is.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn report_part(
        &self,
        user: UserId,
        digest: Digest,
        begins: u64,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let begins = stored(begins, "beginning of a part")?;
        self.one(PART, params![user.0, digest.0, begins], |mut row| Ok(row.blob("bytes")?.to_vec()))
    }
}

impl Writing<'_> {
    /// Keeps a request; one that is there already stays as it is. Whether it is new.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn add_report_request(&self, request: &KeptRequest) -> Result<bool, StoreError> {
        let KeptRequest { user, nonce, supplier, license, app, device, wanted, made, due, document, .. } =
            request;
        let device = device.map(|device| device.0);
        let rows = self.execute(
            ADD_REQUEST,
            params![
                user.0,
                nonce.0,
                supplier.0,
                license.0,
                app.as_str(),
                device,
                code_of(*wanted),
                made.0,
                due.0,
                document
            ],
        )?;
        Ok(rows == 1)
    }

    /// Says what has become of a request. One that is closed stays so; whether anything has changed.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn set_report_request(
        &self,
        user: UserId,
        nonce: RequestId,
        state: RequestState,
        now: Time,
    ) -> Result<bool, StoreError> {
        let rows = self.execute(SET_REQUEST, params![user.0, nonce.0, state.as_str(), now.0])?;
        Ok(rows == 1)
    }

    /// Announces a code.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn add_report(&self, report: &KeptReport) -> Result<(), StoreError> {
        let KeptReport { user, digest, supplier, license, app, device, wanted, nonce, length, state, .. } =
            report;
        let (length, id) = (stored(*length, "length of a report")?, report.id());
        let nonce = nonce.map(|nonce| nonce.0);
        let rows = self.execute(
            ADD_REPORT,
            params![
                user.0,
                digest.0,
                id.0,
                supplier.0,
                license.0,
                app.as_str(),
                device.0,
                code_of(*wanted),
                nonce,
                length,
                state.as_str(),
                report.received.0
            ],
        )?;
        one_row(rows, StoreError::Exists { what: "report" })
    }

    /// Adds the next part of a code, and says how far that brings it.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when it is not arriving any more.
    pub fn add_report_part(
        &self,
        report: &KeptReport,
        bytes: &[u8],
        state: ReportState,
    ) -> Result<(), StoreError> {
        let begins = stored(report.arrived, "beginning of a part")?;
        let arrived = stored(report.arrived.saturating_add(bytes.len() as u64), "part of a report")?;
        self.execute(ADD_PART, params![report.user.0, report.digest.0, begins, bytes])?;
        let rows =
            self.execute(SET_ARRIVED, params![report.user.0, report.digest.0, arrived, state.as_str()])?;
        one_row(rows, StoreError::Conflict { what: "the report" })
    }

    /// Keeps what a code was judged to be; the last word counts.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is no such code.
    pub fn judge_report(&self, user: UserId, digest: Digest, judged: &Judged) -> Result<(), StoreError> {
        let Judged { verdict, reasons, notice, at, by } = judged;
        let rows = self.execute(JUDGE, params![user.0, digest.0, verdict, reasons, notice, at.0, by])?;
        one_row(rows, StoreError::NotFound { what: "report" })
    }

    /// Drops what nobody waits for any more: the bytes of codes that came before `before`, and codes that
    /// have not come as a whole and began before `unfinished`.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn forget_reports(&self, before: Time, unfinished: Time) -> Result<(), StoreError> {
        self.execute(OLD_PARTS, params![before.0, unfinished.0])?;
        self.execute(OLD_ARRIVING, params![unfinished.0])?;
        self.execute(OLD_WAITING, params![before.0])?;
        Ok(())
    }

    /// Drops the bytes of all codes of a user. They are sealed, and speak of a person all the same (I19).
    pub(crate) fn drop_report_parts(&self, user: UserId) -> Result<(), StoreError> {
        self.execute(DROP_PARTS, params![user.0]).map(drop)
    }
}

impl RequestState {
    const ALL: [Self; 3] = [Self::Open, Self::Answered, Self::Closed];

    /// As it is stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Answered => "answered",
            Self::Closed => "closed",
        }
    }
}

impl ReportState {
    const ALL: [Self; 4] = [Self::Arriving, Self::Waiting, Self::Elsewhere, Self::Judged];

    /// As it is stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Arriving => "arriving",
            Self::Waiting => "waiting",
            Self::Elsewhere => "elsewhere",
            Self::Judged => "judged",
        }
    }
}

const fn code_of(wanted: Wanted) -> &'static str {
    match wanted {
        Wanted::Usage => "usage",
        Wanted::Erasure => "erasure",
    }
}

fn wanted(row: &mut Columns<'_>) -> Result<Wanted, StoreError> {
    let text = row.text("wanted")?;
    let known = [Wanted::Usage, Wanted::Erasure].into_iter().find(|wanted| code_of(*wanted) == text);
    known.ok_or_else(|| row.corrupt("wanted"))
}

fn cut<T, C>(mut items: Vec<T>, limit: u32, cursor: impl Fn(&T) -> C) -> Page<T, C> {
    let more = items.len() > limit as usize;
    items.truncate(limit as usize);
    let next = items.last().filter(|_| more).map(cursor);
    Page { items, next }
}

fn request(mut row: Columns<'_>) -> Result<KeptRequest, StoreError> {
    Ok(KeptRequest {
        user: UserId(row.bytes("user_id")?),
        nonce: RequestId(row.bytes("nonce")?),
        supplier: SupplierId(row.bytes("supplier_id")?),
        license: LicenseId(row.bytes("license_id")?),
        app: row.parsed("app_id")?,
        device: row.some_bytes("device_id")?.map(DeviceId),
        wanted: wanted(&mut row)?,
        made: row.time("made")?,
        due: row.time("due")?,
        document: row.blob("document")?.to_vec(),
        state: {
            let text = row.text("state")?;
            let known = RequestState::ALL.into_iter().find(|state| state.as_str() == text);
            known.ok_or_else(|| row.corrupt("state"))?
        },
    })
}

fn report(mut row: Columns<'_>) -> Result<KeptReport, StoreError> {
    let user = UserId(row.bytes("user_id")?);
    let digest = row.digest("digest")?;
    let supplier = SupplierId(row.bytes("supplier_id")?);
    let license = LicenseId(row.bytes("license_id")?);
    let app = row.parsed("app_id")?;
    let device = DeviceId(row.bytes("device_id")?);
    let wanted = wanted(&mut row)?;
    let nonce = row.some_bytes("nonce")?.map(RequestId);
    let (length, arrived) = (row.amount("length")?, row.amount("arrived")?);
    let text = row.text("state")?;
    let known = ReportState::ALL.into_iter().find(|state| state.as_str() == text);
    let state = known.ok_or_else(|| row.corrupt("state"))?;
    let verdict = row.some_text("verdict")?.map(ToOwned::to_owned);
    let reasons = row.text("reasons")?.to_owned();
    let notice = row.amount::<i64>("notice")? != 0;
    let received = row.time("received")?;
    let at = row.some_time("judged")?;
    let by = row.some_text("judged_by")?.map(ToOwned::to_owned);
    let verdict = match (verdict, at, by) {
        (Some(verdict), Some(at), Some(by)) => Some(Judged { verdict, reasons, notice, at, by }),
        _ => None,
    };
    Ok(KeptReport {
        user,
        digest,
        supplier,
        license,
        app,
        device,
        wanted,
        nonce,
        length,
        arrived,
        state,
        verdict,
        received,
    })
}
