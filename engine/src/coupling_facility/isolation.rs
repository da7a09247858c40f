//! Which images may command the coupling facility.
//!
//! The failure management of the sysplex isolates an image that gives no sign of life before its work is recovered
//! (SFM, `ISOLATETIME`): whatever it may still send is refused, so a system that was only slow cannot write any more. The
//! next initial program load of the image is another system as far as the fence is concerned.

use std::collections::BTreeMap;

use crate::machine::Incarnation;
use crate::name::ImageName;

#[derive(Clone, Copy, Debug, Default)]
struct Image {
    /// The latest initial program load that was heard of.
    present: Incarnation,
    /// This one and all before it are fenced.
    fenced: Option<Incarnation>,
}

/// What is known of images.
#[derive(Debug, Default)]
pub(super) struct Images {
    by_name: BTreeMap<ImageName, Image>,
}

/// What becomes of an image that attaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attachment {
    /// It may command.
    Attached,
    /// It may command; it was not heard of before.
    AttachedFirst,
    /// It may command, and everything attached from an earlier load of it is gone.
    AttachedAnew,
    /// It may not.
    Refused,
}

impl Images {
    /// An image attaches.
    pub(super) fn attach(&mut self, image: &ImageName, incarnation: Incarnation) -> Attachment {
        let known = self.by_name.entry(image.clone()).or_default();
        if incarnation < known.present || known.fenced.is_some_and(|fenced| incarnation <= fenced) {
            return Attachment::Refused;
        }
        if incarnation == known.present {
            return Attachment::Attached;
        }
        let former = std::mem::replace(&mut known.present, incarnation);
        if former == Incarnation(0) { Attachment::AttachedFirst } else { Attachment::AttachedAnew }
    }

    /// The present load of an image: 0 if it has not attached yet.
    pub(super) fn present(&self, image: &ImageName) -> Incarnation {
        self.by_name.get(image).map_or(Incarnation(0), |known| known.present)
    }

    /// Fences a load of an image and all before it. `false` if it was fenced already, or a later load is there: then
    /// the earlier one is gone anyway.
    #[must_use]
    pub(super) fn isolate(&mut self, image: &ImageName, incarnation: Incarnation) -> bool {
        let known = self.by_name.entry(image.clone()).or_default();
        if incarnation < known.present || known.fenced.is_some_and(|fenced| incarnation <= fenced) {
            return false;
        }
        known.fenced = Some(incarnation);
        true
    }

    /// Whether requests from this load of the image are refused.
    pub(super) fn is_fenced(&self, image: &ImageName, incarnation: Incarnation) -> bool {
        let fenced = self.by_name.get(image).and_then(|known| known.fenced);
        fenced.is_some_and(|fenced| incarnation <= fenced)
    }
}
