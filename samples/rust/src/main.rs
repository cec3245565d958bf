// LUR inside a training loop in Rust. src/lur.rs is what bindgen makes of lur.h:
//   bindgen lur.h --no-doc-comments --no-layout-tests --size_t-is-usize --no-prepend-enum-name
//       --allowlist-file '.*/lur\.h' -o src/lur.rs
// Least squares: twelve steps by Lur, and by a plain loop.   LUR_LIB=FOLDER cargo run
#[allow(non_camel_case_types, non_upper_case_globals, non_snake_case, dead_code, clippy::all)]
mod lur;

use std::{ffi::CStr, mem::size_of, ptr::null};

const N: usize = 30;
const STEPS: usize = 12;
const ALPHA: f64 = 0.1;
const WEIGHT: f64 = 0.7;
const RATE: f64 = 0.2;
const MOMENTUM: f64 = 0.9;

/// Ends the program when a call failed.
fn check(code: i32, call: &str) {
    if code != lur::LUR_OK as i32 {
        let mut text = [0; 512];
        unsafe { lur::lur_error_text(text.as_mut_ptr(), text.len()) };
        panic!("{call}: error {code}: {}", unsafe { CStr::from_ptr(text.as_ptr()) }.to_string_lossy());
    }
}

/// A vector over an array, which must stay where it is.
fn vector(array: &mut [f64; N]) -> lur::lur_vector {
    lur::lur_vector {
        size: size_of::<lur::lur_vector>() as u32,
        segment_count: 0,
        data: array.as_mut_ptr() as u64,
        count: N as i64,
        segments: null(),
    }
}

/// Curvature of what is kept, and what is forgotten.
fn kept(i: usize) -> (f64, f64) {
    (1.0 + i as f64 / N as f64, (i as f64).sin())
}
fn forgotten(i: usize) -> (f64, f64) {
    (0.5 + (i % 3) as f64 / 4.0, (i as f64).cos())
}
/// Gradient of curvature / 2 (theta - goal)^2.
fn gradient(of: fn(usize) -> (f64, f64), theta: &[f64; N], sign: f64, out: &mut [f64; N]) {
    for i in 0..N {
        let (curvature, goal) = of(i);
        out[i] = sign * curvature * (theta[i] - goal);
    }
}

fn main() {
    let (mut theta, mut g, mut v, mut h, mut ahead, mut m) = ([0.0; N], [0.0; N], [0.0; N], [0.0; N], [0.0; N], [0.0; N]);
    let (vtheta, vg, vv) = (vector(&mut theta), vector(&mut g), vector(&mut v));
    let (vh, vahead, vm) = (vector(&mut h), vector(&mut ahead), vector(&mut m));
    unsafe {
        let mut options: lur::lur_session_options = std::mem::zeroed();
        check(lur::lur_session_options_init(&mut options, size_of::<lur::lur_session_options>()), "options");
        options.device_kind = lur::LUR_DEVICE_HOST as i32; // the vectors lie in memory of this program
        let mut session = std::ptr::null_mut();
        check(lur::lur_open(&options, &mut session), "lur_open");
        let mut how: lur::lur_step_options = std::mem::zeroed();
        check(lur::lur_step_options_init(&mut how, size_of::<lur::lur_step_options>()), "options");
        how.dtype = lur::LUR_F64 as i32;
        how.second_order = lur::LUR_SECOND_ORDER_GIVEN as i32;
        (how.alpha, how.forget_weight, how.learning_rate, how.momentum) = (ALPHA, WEIGHT, RATE, MOMENTUM);
        let mut step = std::ptr::null_mut();
        check(lur::lur_step_create(session, &how, &vtheta, &mut step), "lur_step_create");
        for _ in 0..STEPS {
            gradient(kept, &theta, 1.0, &mut g);
            check(lur::lur_step_look_ahead_enqueue(step, &vtheta, &vg, &vahead), "look_ahead");
            check(lur::lur_wait(session), "lur_wait");
            gradient(forgotten, &ahead, -1.0, &mut v);
            for i in 0..N {
                h[i] = kept(i).0 * v[i];
            }
            check(lur::lur_step_update_enqueue(step, &vtheta, &vm, &vg, &vv, &vh, null()), "update");
            check(lur::lur_wait(session), "lur_wait");
        }
        check(lur::lur_close(session), "lur_close"); // the step goes with it
    }

    let (mut plain, mut momentum) = ([0.0; N], [0.0; N]);
    for _ in 0..STEPS {
        for i in 0..N {
            let ((a, goal), (b, other)) = (kept(i), forgotten(i));
            let g = a * (plain[i] - goal);
            let v = -b * (plain[i] - ALPHA * g - other);
            momentum[i] = MOMENTUM * momentum[i] + g + WEIGHT * (v - ALPHA * a * v);
            plain[i] -= RATE * momentum[i];
        }
    }
    let most = (0..N).map(|i| (theta[i] - plain[i]).abs()).fold(0.0, f64::max);
    // A few hundred roundings of numbers within 10.
    assert!(most < 1e-12, "weights differ by {most:e}");
    if std::env::args().nth(1).as_deref() != Some("--quiet") {
        println!("weights differ by {most:.1e} after {STEPS} steps");
    }
}
