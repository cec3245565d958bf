// direct_convolution.cu - convolution without a patch matrix: register tiles of pixels x output channels.
//
//   convolution      y[n][o0 + step g][k] (+)= sum_{r,s,c} x[n][g * stride + r - top][...][c] * packed[k][r][s][c]
//   filter gradient  dw[k][r][s][c] (+)= sum_{n,g} dy[n][g][k] * x[n][g * stride + r - pad][...][c]
//
// x: N x H x W x C. The rows of a patch are neighbours in NHWC, so a tile walks S C contiguous values per filter row
// and the next pixel of the tile is stride C further: no copy but a zero-padded strip of the image, made by the block
// in its own scratch and used from the cache. The input gradient is the same kernel: with stride 1 on the flipped
// transposed filter; with stride > 1 once per residue (h mod stride, w mod stride) with the taps that reach it, hence
// step and o0. A second term (x2, or the pair x2, dy2) is read in the same pass, as further channels or as further
// images.
//
// Launch: pack_filter by Rows(panels taps, inner); convolution and filter gradient by blocks, scratch holding one slot
// of scratch_stride elements per block; reduce by Rows(panels R S, C). Partial sums are combined in a fixed order.
// Georganas et al., "Anatomy of high-performance deep learning convolutions on SIMD architectures", SC 2018.
#include "register_tile.cuh"

// packed[panel][r'][s'][offset + inner][PANEL], r = r0 + step r' likewise s; the column is k and the inner index c, or
// for the input gradient (transposed) the other way round. `depth` inner rows per tap leave room for a second term.
KERNEL direct_pack_filter(real* __restrict__ packed, const real* __restrict__ w, int K, int C, int R, int S, int taps_r,
                          int taps_s, int r0, int s0, int step, int transposed, int depth, int offset) {
    const int taps = taps_r * taps_s, columns = transposed ? C : K, inner = transposed ? K : C;
    const int panels = (columns + PANEL - 1) / PANEL;
    GRID_ROWS (row, panels * taps) {
        const int panel = row / taps, tap = row % taps, column = panel * PANEL,
                  count = real_min(PANEL, columns - column);
        const int r = r0 + step * (tap / taps_s), s = s0 + step * (tap % taps_s);
        const long long inner_step = transposed ? (long long)R * S * C : 1,
                        column_step = transposed ? 1 : (long long)R * S * C;
        const real* in = w + (long long)(r * S + s) * C + column * column_step;
        real* out = packed + ((long long)row * depth + offset) * PANEL;
        LANE_LOOP (i, inner) {
            for (int l = 0; l < count; l++) out[i * PANEL + l] = in[i * inner_step + l * column_step];
            for (int l = count; l < PANEL; l++) out[i * PANEL + l] = 0;
        }
    }
}

// Copies rows [h0, h0 + rows) and columns [w0, w0 + cols) of an image into strip (channels `offset`.. of `depth`), 0
// outside.
DEVICE void pad_strip(real* strip, int depth, int offset, const real* image, int H, int W, int C, int h0, int rows,
                      int w0, int cols) {
    const int low = real_min(real_max(-w0, 0), cols), high = real_max(real_min(W - w0, cols), low);
    for (int i = 0; i < rows; i++) {
        const bool inside = h0 + i >= 0 && h0 + i < H;
        const real* in = image + ((long long)(h0 + i) * W + w0) * C;
        real* out = strip + i * cols * depth + offset;
        const int from = inside ? low : cols, to = inside ? high : cols;
        if (depth == C) {
            LANE_LOOP (j, from * C) out[j] = 0;
            LANE_LOOP (j, (to - from) * C) out[from * C + j] = in[from * C + j];
            LANE_LOOP (j, (cols - to) * C) out[to * C + j] = 0;
            continue;
        }
        for (int j = 0; j < cols; j++) {
            const bool valid = j >= from && j < to;
            LANE_LOOP (c, C) out[j * depth + c] = valid ? in[j * C + c] : real(0);
        }
    }
}

// A row of pixels is cut into tiles of TILE_ROWS; a remainder of 2 is better shared with its neighbour, as 4 + 4.
DEVICE int tile_start(int tile, int tiles, int width) {
    const bool shared = TILE_ROWS == 6 && width > 6 && width % 6 == 2;
    return tile == tiles ? width : tile == tiles - 1 && shared ? width - 4 : tile * TILE_ROWS;
}

KERNEL COOPERATIVE direct_convolution(real* y, const real* x, const real* x2, const real* packed, real* scratch,
                                      long long scratch_stride, int N, int H, int W, int C, int terms, int taps_r,
                                      int taps_s, int stride, int top, int left, int GH, int GW, int K, int OH, int OW,
                                      int step, int h0, int w0, int strip_rows, int accumulate) {
    const int depth = terms * C, columns = round_up(K, PANEL), groups = (columns + TILE_COLUMNS - 1) / TILE_COLUMNS;
    const int tiles = (GW + TILE_ROWS - 1) / TILE_ROWS, strips = (GH + strip_rows - 1) / strip_rows;
    const int taps = taps_r * taps_s, cols = (GW - 1) * stride + taps_s;
    const bool whole = terms == 1 && top == 0 && left == 0 && (GH - 1) * stride + taps_r <= H && cols <= W;
    real* strip = scratch + blockIdx.x * scratch_stride;
    BLOCK_ROWS (task, N * strips) {
        const int n = task / strips, g0 = task % strips * strip_rows, rows = real_min(strip_rows, GH - g0);
        const long long image = (long long)n * H * W * C;
        const int need = (rows - 1) * stride + taps_r;
        if (!whole)
            for (int t = 0; t < terms; t++)
                pad_strip(strip, depth, t * C, (t ? x2 : x) + image, H, W, C, g0 * stride - top, need, -left, cols);
        __syncthreads();
        const real* base = whole ? x + image + (long long)g0 * stride * W * C : strip;
        const int pitch = (whole ? W : cols) * depth;
        LANE_LOOP (item, groups * rows * tiles) {
            const int tile = item % tiles, row = item / tiles % rows, column = item / tiles / rows * TILE_COLUMNS;
            const int g = tile_start(tile, tiles, GW), width = tile_start(tile + 1, tiles, GW) - g;
            TileOperands o;
            o.a = base + row * stride * pitch + g * stride * depth;
            o.a_row = stride * depth, o.a_step = 1, o.a_segment = pitch, o.a_group = 0;
            o.b = panel_column(packed, taps * depth, column);
            o.b_vec = panel_vec(taps * depth), o.b_step = PANEL, o.b_segment = taps_s * depth * PANEL, o.b_group = 0;
            o.depth = taps_s * depth, o.segments = taps_r, o.groups = taps_r * taps_s > 0;
            real* out = y + (((long long)n * OH + h0 + (g0 + row) * step) * OW + w0 + g * step) * K + column;
            tile_block(out, step * K, width, K - column, columns - column < TILE_COLUMNS, accumulate, o);
        }
        __syncthreads();
    }
}

// partial[chunk][k][r][S C rounded up to PANEL], rows k and columns (s, c), which lie side by side in x as in dw.
// Task = (chunk of images, part of the tiles); a step takes `strip_images` images when a whole one fits, else
// strip_rows.
KERNEL COOPERATIVE direct_filter_gradient(real* partial, const real* x, const real* dy, const real* x2, const real* dy2,
                                          real* scratch, long long scratch_stride, int N, int H, int W, int C, int R,
                                          int S, int stride, int pad, int OH, int OW, int K, int terms, int chunks,
                                          int parts, int strip_images, int strip_rows) {
    const int columns = round_up(S * C, PANEL), groups = (columns + TILE_COLUMNS - 1) / TILE_COLUMNS;
    const int blocks = (K + TILE_ROWS - 1) / TILE_ROWS, items = groups * R * blocks;
    const int cols = (OW - 1) * stride + S, pitch = cols * C, image_size = ((strip_rows - 1) * stride + R) * pitch;
    real* strip = scratch + blockIdx.x * scratch_stride;
    BLOCK_ROWS (task, chunks * parts) {
        const int chunk = task / parts, part = task % parts;
        const int from = (int)((long long)items * part / parts), to = (int)((long long)items * (part + 1) / parts);
        const int n0 = (int)((long long)N * chunk / chunks), n1 = (int)((long long)N * (chunk + 1) / chunks);
        const int strips = (OH + strip_rows - 1) / strip_rows,
                  steps = (n1 - n0 + strip_images - 1) / strip_images * strips;
        real* sum = partial + (long long)chunk * K * R * columns;
        // Tiles read whole vectors: up to a panel past the last pixel's run, multiplied into columns nobody reads.
        LANE_LOOP (i, PANEL) strip[strip_images * image_size + i] = 0;
        for (int step = 0; step < terms * steps; step++) {
            const bool second = step >= steps, add = step > 0;
            const int n = n0 + step % steps / strips * strip_images, images = real_min(strip_images, n1 - n);
            const int g0 = step % strips * strip_rows, rows = real_min(strip_rows, OH - g0);
            for (int i = 0; i < images; i++)
                pad_strip(strip + i * image_size, C, 0, (second ? x2 : x) + (long long)(n + i) * H * W * C, H, W, C,
                          g0 * stride - pad, (rows - 1) * stride + R, -pad, cols);
            __syncthreads();
            LANE_LOOP (index, to - from) {
                const int item = from + index, block = item % blocks, r = item / blocks % R;
                const int column = item / blocks / R * TILE_COLUMNS, k = block * TILE_ROWS;
                const bool single = columns - column < TILE_COLUMNS;
                TileOperands o;
                o.a = (second ? dy2 : dy) + ((long long)n * OH + g0) * OW * K + k;
                o.a_row = 1, o.a_step = K, o.a_segment = OW * K, o.a_group = OH * OW * K;
                o.b = strip + r * pitch + column;
                o.b_vec = VEC, o.b_step = stride * C, o.b_segment = stride * pitch, o.b_group = image_size;
                o.depth = OW, o.segments = rows, o.groups = images;
                tile_block(sum + ((long long)k * R + r) * columns + column, R * columns, real_min(TILE_ROWS, K - k),
                           columns - column, single, add, o);
            }
            __syncthreads();
        }
    }
}

// dw[k][r][(s, c)] (+)= sum over chunks of partial[chunk][k][r][(s, c)]
KERNEL direct_reduce_filter(real* __restrict__ dw, const real* __restrict__ partial, int chunks, int K, int C, int R,
                            int S, int accumulate) {
    const int run = S * C, columns = round_up(run, PANEL);
    GRID_ROWS (row, K * R) {
        LANE_LOOP (i, run) {
            accum sum = accumulate ? dw[(long long)row * run + i] : real(0);
            for (int q = 0; q < chunks; q++) sum += partial[((long long)q * K * R + row) * columns + i];
            dw[(long long)row * run + i] = sum;
        }
    }
}
