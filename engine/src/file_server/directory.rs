//! Directories, files and locks: what the file server's disk holds, and the records by which it changes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::frame::{Content, FileClient, FileError, FilePath, Grant};

/// A record of the server's own log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum FileRecord {
    /// Something was written at the end of a file.
    Write(FilePath, Content),
    /// A file was replaced.
    Replace(FilePath, Content),
    /// A lock was granted.
    Lock(FilePath, Grant, FileClient),
    /// A lock was given up; it had been granted as often as this.
    Unlock(FilePath, Grant),
}

/// A lock on a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Lock {
    /// How often it was granted.
    pub(super) grant: Grant,
    /// Who has it.
    pub(super) holder: Option<FileClient>,
}

/// What the disk holds.
#[derive(Debug, Default)]
pub(super) struct Directories {
    files: BTreeMap<FilePath, Content>,
    locks: BTreeMap<FilePath, Lock>,
    /// Room taken by all files.
    used: u64,
}

impl Directories {
    /// What a file holds.
    pub(super) fn read(&self, path: &FilePath) -> &[u8] {
        self.files.get(path).map_or(&[], |content| &content.bytes)
    }

    /// Whether a write at this offset is to be appended (`true`) or has been already (`false`).
    pub(super) fn check_write(
        &self,
        path: &FilePath,
        offset: u64,
        content: &Content,
        capacity: Option<u64>,
    ) -> Result<bool, FileError> {
        let there = self.read(path);
        let offset = usize::try_from(offset).map_err(|_| FileError::Invalid)?;
        let tail = there.get(offset..).ok_or(FileError::Invalid)?;
        if tail.is_empty() {
            let fits = capacity.is_none_or(|capacity| self.used.saturating_add(content.length()) <= capacity);
            return if fits { Ok(true) } else { Err(FileError::NoSpace) };
        }
        if tail.starts_with(&content.bytes) { Ok(false) } else { Err(FileError::Invalid) }
    }

    /// The lock on a file.
    pub(super) fn lock(&self, path: &FilePath) -> Option<&Lock> {
        self.locks.get(path)
    }

    /// Locks that somebody has.
    pub(super) fn held(&self) -> impl Iterator<Item = (&FilePath, Grant, &FileClient)> {
        self.locks.iter().filter_map(|(path, lock)| Some((path, lock.grant, lock.holder.as_ref()?)))
    }

    /// Makes a change.
    pub(super) fn apply(&mut self, record: FileRecord) {
        match record {
            FileRecord::Write(path, content) => {
                self.used += content.length();
                let file = self.files.entry(path).or_default();
                file.payload += content.payload;
                file.bytes.extend_from_slice(&content.bytes);
            }
            FileRecord::Replace(path, content) => {
                self.used += content.length();
                let before = self.files.insert(path, content).unwrap_or_default().length();
                assert!(before <= self.used, "a file takes part of the room that all take");
                self.used -= before;
            }
            FileRecord::Lock(path, grant, holder) => {
                self.locks.insert(path, Lock { grant, holder: Some(holder) });
            }
            FileRecord::Unlock(path, grant) => {
                self.locks.insert(path, Lock { grant, holder: None });
            }
        }
    }

    /// Everything, as the records that make it.
    pub(super) fn records(&self) -> impl Iterator<Item = FileRecord> {
        let files = self.files.iter().map(|(path, content)| FileRecord::Replace(path.clone(), content.clone()));
        let locks = self.locks.iter().map(|(path, lock)| match &lock.holder {
            Some(holder) => FileRecord::Lock(path.clone(), lock.grant, holder.clone()),
            None => FileRecord::Unlock(path.clone(), lock.grant),
        });
        files.chain(locks)
    }
}
