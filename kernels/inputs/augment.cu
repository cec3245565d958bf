// augment.cu - bytes to network input: normalisation, random crop with padding and random horizontal flip on the
// device.
//
// images + state[2]: bytes [n, C, H, W] -> y [n, H, W, C] = (byte / 255 - mean[c]) / std[c], after crop and flip: the
// image is padded by `pad` black pixels (byte 0, before normalisation) on every side, an H x W window is cut out at
// (top, left), each uniform in 0 .. 2 pad, and, where flip != 0, mirrored with probability 1/2: torchvision's
// RandomCrop(padding) then RandomHorizontalFlip. With pad = 0 and flip = 0 the image stays as it is.
//
// One draw per sample, Philox4x32-10 (philox.cuh): b = philox4x32(seed, stream, index) with seed = state[0] and
// index = state[1] + sample; top = below(b.x, 2 pad + 1), left = below(b.y, 2 pad + 1), mirrored = b.z >> 31. The state
// lies in device memory so that a captured graph can be replayed with new values; state[2] is the first byte of the
// batch, because images holds two and the other one is being filled. Launch: Rows(n H, W). Writes.
#include "include/index.cuh"
#include "include/philox.cuh"

struct Draw {
    int top, left;
    bool mirrored;
};
DEVICE Draw draw_of(const unsigned long long* state, unsigned long long stream, int sample, int pad, int flip) {
    if (pad == 0 && !flip) return {0, 0, false};
    const Philox4 b = philox4x32(state[0], stream, state[1] + sample);
    return {philox_below(b.x, 2 * pad + 1), philox_below(b.y, 2 * pad + 1), flip && b.z >> 31 != 0};
}

KERNEL augment_forward(real* __restrict__ y, const unsigned char* __restrict__ images, const real* __restrict__ mean,
                       const real* __restrict__ std, const unsigned long long* __restrict__ state,
                       unsigned long long stream, int n, int C, int H, int W, int pad, int flip) {
    const unsigned char* batch = images + state[2];
    GRID_ROWS (r, n * H) {
        const int sample = r / H, h = r - sample * H;
        const Draw d = draw_of(state, stream, sample, pad, flip);
        const int source = h + d.top - pad;
        const bool row_inside = 0 <= source && source < H;
        const int first = (d.mirrored ? W - 1 : 0) + d.left - pad, step = d.mirrored ? -1 : 1;
        for (int c = 0; c < C; c++) {
            const unsigned char* plane = batch + ((sample * C + c) * H + (row_inside ? source : 0)) * W;
            const real scale = real(1) / (255 * std[c]), offset = mean[c] / std[c];
            LANE_LOOP (w, W) {
                const int from = first + step * w;
                const real byte = row_inside && 0 <= from && from < W ? plane[from] : 0;
                y[(r * W + w) * C + c] = byte * scale - offset;
            }
        }
    }
}
