//! The command line: see [`indoubt::command_line`].

fn main() {
    println!("not yet");
}
