//! Links: latency, jitter, loss, bandwidth and one-way cuts, for each ordered pair of hosts and each kind.
//!
//! Latency never makes one delivery wait for another; only bandwidth does, since a link's pipe is busy while a frame goes
//! in. A lost packet of a connection is sent again after a timeout that doubles, as TCP does; a lost datagram is lost.
//! Left out: routes through a third host, congestion beyond one link's bandwidth.

use std::collections::BTreeMap;

use rand_chacha::ChaCha8Rng;

use super::draw::{below, in_a_million, nanoseconds};
use super::host::HostId;
use crate::scenario::model::LinkQuality;

/// Over which kind of link something travels. Each pair of hosts has one of each kind in each direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LinkKind {
    /// The network between hosts.
    Network,
    /// A coupling link: between a z/OS image and a coupling facility.
    Coupling,
    /// Signalling paths between z/OS images, and their couple data set: not touched by what happens to the network.
    Signalling,
}

/// One direction of one kind between two hosts; an index into [`Links`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LinkId(u32);

impl LinkId {
    /// Within one host.
    pub(super) const LOOPBACK: LinkId = LinkId(u32::MAX);
}

/// Time on the way within one host.
const LOOPBACK_NANOSECONDS: u64 = 5_000;
/// TCP's first retransmission timeout; it doubles.
const RETRANSMISSION_NANOSECONDS: u64 = 200_000_000;
/// It does not grow beyond 64 times the first.
const RETRANSMISSION_DOUBLINGS: u32 = 6;

/// One direction.
struct Link {
    quality: LinkQuality,
    /// The quality was set for this pair, so the default does not matter.
    own: bool,
    base: u64,
    jitter: u64,
    cut: bool,
    /// When the pipe has taken in everything sent so far.
    free_at: u64,
    stream: ChaCha8Rng,
}

impl Link {
    fn set(&mut self, quality: LinkQuality) {
        self.base = nanoseconds(quality.latency.base);
        self.jitter = nanoseconds(quality.latency.jitter);
        self.quality = quality;
    }

    /// When something sent now is on its way, and how long that takes.
    #[inline]
    fn pass(&mut self, now: u64, length: impl FnOnce() -> u32) -> u64 {
        let mut left = now;
        if let Some(bandwidth) = self.quality.bandwidth {
            let takes = u64::from(length()).saturating_mul(1_000_000_000) / bandwidth.max(1);
            left = now.max(self.free_at) + takes;
            self.free_at = left;
        }
        left + self.base + below(&mut self.stream, self.jitter + 1)
    }
}

/// All links.
pub(super) struct Links {
    default: [LinkQuality; 3],
    list: Vec<Link>,
    index: BTreeMap<(HostId, HostId, LinkKind), LinkId>,
}

/// What becomes of a datagram.
pub(super) struct DatagramFate {
    /// When each copy arrives; none if it is lost.
    pub(super) arrivals: [Option<u64>; 2],
}

impl Links {
    pub(super) fn new() -> Self {
        Links { default: [LinkQuality::default(); 3], list: Vec::new(), index: BTreeMap::new() }
    }

    /// The link of a pair; `stream` makes its random stream if it is used for the first time.
    pub(super) fn get(
        &mut self,
        from: HostId,
        to: HostId,
        kind: LinkKind,
        stream: impl FnOnce() -> ChaCha8Rng,
    ) -> LinkId {
        if from == to {
            return LinkId::LOOPBACK;
        }
        *self.index.entry((from, to, kind)).or_insert_with(|| {
            let quality = self.default[kind as usize];
            let mut link = Link { quality, own: false, base: 0, jitter: 0, cut: false, free_at: 0, stream: stream() };
            link.set(quality);
            self.list.push(link);
            LinkId(u32::try_from(self.list.len() - 1).expect("fewer links than memory"))
        })
    }

    pub(super) fn set_default(&mut self, kind: LinkKind, quality: LinkQuality) {
        self.default[kind as usize] = quality;
        for (key, id) in &self.index {
            let link = &mut self.list[id.0 as usize];
            if key.2 == kind && !link.own {
                link.set(quality);
            }
        }
    }

    pub(super) fn default_latency(&self, kind: LinkKind) -> u64 {
        nanoseconds(self.default[kind as usize].latency.base)
    }

    pub(super) fn set(&mut self, id: LinkId, quality: LinkQuality) {
        if id != LinkId::LOOPBACK {
            let link = &mut self.list[id.0 as usize];
            link.own = true;
            link.set(quality);
        }
    }

    /// Cuts or heals; whether that changed anything. A loopback cannot be cut.
    pub(super) fn set_cut(&mut self, id: LinkId, cut: bool) -> bool {
        id != LinkId::LOOPBACK && std::mem::replace(&mut self.list[id.0 as usize].cut, cut) != cut
    }

    #[inline]
    pub(super) fn is_cut(&self, id: LinkId) -> bool {
        id != LinkId::LOOPBACK && self.list[id.0 as usize].cut
    }

    /// Whether both directions between two hosts are whole.
    pub(super) fn joins(&self, one: HostId, other: HostId, kind: LinkKind) -> bool {
        let whole = |key| self.index.get(&key).is_none_or(|id| !self.is_cut(*id));
        whole((one, other, kind)) && whole((other, one, kind))
    }

    /// The links that are cut, in order.
    pub(super) fn cuts(&self) -> Vec<(HostId, HostId, LinkKind, LinkId)> {
        let cut = self.index.iter().filter(|(_, id)| self.is_cut(**id));
        cut.map(|(&(from, to, kind), &id)| (from, to, kind, id)).collect()
    }

    /// When a packet of a connection arrives that is sent now: loss delays it.
    #[inline]
    pub(super) fn transit(&mut self, id: LinkId, now: u64, length: impl FnOnce() -> u32) -> u64 {
        if id == LinkId::LOOPBACK {
            return now + LOOPBACK_NANOSECONDS;
        }
        let link = &mut self.list[id.0 as usize];
        let mut at = link.pass(now, length);
        let loss = link.quality.loss_ppm;
        if loss > 0 {
            // A link that loses everything is a cut, which has a name of its own: the delay stays finite.
            let mut losses = 0;
            while losses < 64 && in_a_million(&mut link.stream, loss) {
                at += RETRANSMISSION_NANOSECONDS << losses.min(RETRANSMISSION_DOUBLINGS);
                losses += 1;
            }
        }
        at
    }

    /// What becomes of a datagram that is sent now.
    pub(super) fn datagram(&mut self, id: LinkId, now: u64, length: impl FnOnce() -> u32) -> DatagramFate {
        if id == LinkId::LOOPBACK {
            return DatagramFate { arrivals: [Some(now + LOOPBACK_NANOSECONDS), None] };
        }
        let link = &mut self.list[id.0 as usize];
        let quality = link.quality;
        let mut at = link.pass(now, length);
        if link.cut || quality.loss_ppm > 0 && in_a_million(&mut link.stream, quality.loss_ppm) {
            return DatagramFate { arrivals: [None, None] };
        }
        // Enough to fall behind whatever is sent within the next few latencies.
        let behind = 4 * (link.base + link.jitter) + 1;
        if quality.reordering_ppm > 0 && in_a_million(&mut link.stream, quality.reordering_ppm) {
            at += 1 + below(&mut link.stream, behind);
        }
        let mut arrivals = [Some(at), None];
        if quality.duplication_ppm > 0 && in_a_million(&mut link.stream, quality.duplication_ppm) {
            arrivals[1] = Some(at + 1 + below(&mut link.stream, behind));
        }
        DatagramFate { arrivals }
    }
}
