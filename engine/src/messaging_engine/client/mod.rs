//! One connection of a client to the bus: the client's half.
