//! Codes that people were given, off the command line where they want it so.

use std::path::Path;

use carnet_core::document::Secret;
use carnet_seal::code::{CodeKind, CodeText, NotACode};

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::secret;

/// A code as it was typed, or `-` for standard input.
#[derive(Clone)]
pub struct CodeArgument(String);

/// A code is as good as what it opens (I17).
impl std::fmt::Debug for CodeArgument {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CodeArgument(…)")
    }
}

impl std::str::FromStr for CodeArgument {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.to_owned()))
    }
}

impl CodeArgument {
    /// The code, whatever it is for.
    ///
    /// # Errors
    /// `bad-code` with what is wrong with it.
    pub fn any(&self, context: &Context) -> Result<CodeText, Failure> {
        self.text(context)?.parse().map_err(|wrong: NotACode| bad(&wrong))
    }

    /// The code, for exactly this.
    ///
    /// # Errors
    /// `bad-code` with what is wrong with it.
    pub fn of(&self, context: &Context, kind: CodeKind) -> Result<Secret, Failure> {
        CodeText::read(&self.text(context)?, kind).map_err(|wrong| bad(&wrong))
    }

    fn text(&self, context: &Context) -> Result<String, Failure> {
        if self.0 != "-" {
            return Ok(self.0.clone());
        }
        let unreadable = |why: &str| {
            Failure::usage(format!("there is no code: {why}")).with_remedy("give it on standard input")
        };
        let text = secret::in_file(context.output, Path::new("-"), "The code", unreadable)?;
        Ok(text.trim().to_owned())
    }
}

fn bad(wrong: &NotACode) -> Failure {
    let remedy = match wrong {
        NotACode::Mistyped => "compare it with what you were given",
        NotACode::OtherKind { .. } => "use the command that this code is for",
    };
    Failure::new(Exit::Usage, "bad-code", wrong.to_string()).with_remedy(remedy)
}
