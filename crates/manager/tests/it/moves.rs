//! A14 to A17, I2, I7: passes go from one device of a user to another, whatever fails on the way.

mod apart;
mod cuts;
mod media;
mod pair;
