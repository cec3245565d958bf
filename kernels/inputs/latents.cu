// latents.cu - numbers to network input: a batch of latents as they were computed once for all steps.
//
// samples + state[2]: float32 [n, C, H, W] -> y real [n, H, W, C], the same numbers in another order. state[2] is the
// first byte of the batch, a multiple of 4, because samples holds two batches and the other one is being filled.
// Launch: Rows(n H, W). Writes.
#include "include/index.cuh"

KERNEL latents_forward(real* __restrict__ y, const unsigned char* __restrict__ samples,
                       const unsigned long long* __restrict__ state, int n, int C, int H, int W) {
    const float* batch = (const float*)(samples + state[2]);
    GRID_ROWS (r, n * H) {
        const int sample = r / H, h = r - sample * H;
        for (int c = 0; c < C; c++) {
            const float* row = batch + ((sample * C + c) * H + h) * W;
            LANE_LOOP (w, W) y[(r * W + w) * C + c] = row[w];
        }
    }
}
