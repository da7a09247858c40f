//! The sysplex: what the z/OS images do for each other and for their address spaces.
//!
//! A queue manager knows nothing of its peers' lives but what the images tell: that an address space ended (XES, XCF),
//! that an image gives no sign of life and has been isolated and partitioned (SFM), and it is the images that start it
//! again (ARM). Sources: z/OS MVS Setting Up a Sysplex; z/OS MVS Programming: Sysplex Services Guide.
//!
//! Modelled: status updates and their absence, isolation through the coupling facility, partitioning, an end as soon as an
//! image finds itself partitioned, restart in place and across images, loss of coupling links, passing on of group
//! messages. Left out: couple data sets (status updates are signals between images), operator prompts, restart groups and
//! their order, `SSUMLIMIT`.
//!
//! `image` is the process; `address_spaces`, `coupling_links`, `status` and `restart` are its parts.

pub mod definition;
pub mod frame;

mod address_spaces;
mod coupling_links;
mod image;
mod restart;
mod status;

#[cfg(test)]
mod tests;

pub use image::ZosImage;
