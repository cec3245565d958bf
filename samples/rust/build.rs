// Finds liblur: in the folder that LUR_LIB names, else by pkg-config.
use std::{env, process::Command};

fn main() {
    println!("cargo:rerun-if-env-changed=LUR_LIB");
    let folder = env::var("LUR_LIB").unwrap_or_else(|_| {
        let found = Command::new("pkg-config")
            .args(["--variable=libdir", "lur"])
            .output()
            .expect("set LUR_LIB to the folder of liblur.so, or install pkg-config");
        assert!(found.status.success(), "pkg-config does not know lur: set LUR_LIB, or PKG_CONFIG_PATH");
        String::from_utf8(found.stdout).unwrap().trim().to_string()
    });
    println!("cargo:rustc-link-search=native={folder}");
    println!("cargo:rustc-link-lib=dylib=lur");
    // The program finds the library where it was built against it.
    println!("cargo:rustc-link-arg=-Wl,-rpath,{folder}");
}
