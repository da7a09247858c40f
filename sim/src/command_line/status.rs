//! Exit status: one meaning for each number.

use std::process::ExitCode;

use indoubt_ledger::verdict::Verdict;

/// What an invocation came to, from harmless to grave: of several, the gravest wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Status {
    /// What was asked holds.
    Holds,
    /// Nothing was proven.
    NothingProven,
    /// A violation was found.
    Violation,
    /// The testbed itself failed.
    TestbedFailed,
    /// Bad input or usage. Found before anything runs, so that it is never one of several.
    BadInput,
}

impl Status {
    /// The number that the shell sees.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Status::Holds => 0,
            Status::Violation => 1,
            Status::BadInput => 2,
            Status::TestbedFailed => 3,
            Status::NothingProven => 4,
        }
    }

    /// What a single verdict comes to.
    pub(crate) const fn of(verdict: Verdict) -> Status {
        match verdict {
            Verdict::Pass => Status::Holds,
            Verdict::Fail => Status::Violation,
            Verdict::Unknown => Status::NothingProven,
        }
    }
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> ExitCode {
        ExitCode::from(status.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gravest_of_several_wins() {
        let gravest = |statuses: &[Status]| statuses.iter().copied().max().map(Status::code);
        assert_eq!(gravest(&[Status::Holds, Status::NothingProven]), Some(4));
        assert_eq!(gravest(&[Status::NothingProven, Status::Violation, Status::Holds]), Some(1));
        assert_eq!(gravest(&[Status::Violation, Status::TestbedFailed]), Some(3));
    }
}
