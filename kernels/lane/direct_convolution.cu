// direct_convolution.cu - convolution without a patch matrix: register tiles of pixels x output channels.
//
//   convolution      y[n][o0 + step g][k] (+)= sum_{r,s,c} x[n][g * stride + r - top][...][c] * packed[k][r][s][c]
//   filter gradient  dw[k][r][s][c] (+)= sum_{n,g} dy[n][g][k] * x[n][g * stride + r - pad][...][c]
//                    in two stages: direct_filter_gradient writes partial[chunk][k][r][S C rounded up to PANEL], one
//                    sum per chunk of the N OH OW pixels; direct_reduce_filter adds the chunks in their order
//
// x: N x H x W x C. The rows of a patch are neighbours in NHWC, so a tile walks S C contiguous values per filter row
// and the next pixel of the tile is stride C further: no copy but a zero-padded strip of the image, made by the block
// in its own scratch and used from the cache. The input gradient is the same kernel: with stride 1 on the flipped
// transposed filter; with stride > 1 once per residue (h mod stride, w mod stride) with the taps that reach it, hence
// step and o0. A second term (x2, or the pair x2, dy2) is read in the same pass, as further channels or as further
// images.
//
// Launch: pack_filter by Rows(panels taps, inner); convolution and filter gradient by blocks, no more than scratch has
// slots of scratch_stride elements; reduce by Rows(K R, S C). convolution, filter gradient and reduce write, or, with
// `accumulate`, add (the filter gradient in its reduce).
// Georganas et al., "Anatomy of high-performance deep learning convolutions on SIMD architectures", SC 2018.
#include "include/index.cuh"
#include "include/register_tile.cuh"

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
        LANE_LOOP (item, groups * rows) {
            const int row = item % rows, column = item / rows * TILE_COLUMNS;
            TileOperands o;
            o.a_row = stride * depth, o.a_step = 1, o.a_segment = pitch;
            o.b = panel_column(packed, taps * depth, column);
            o.b_vec = panel_vec(taps * depth), o.b_step = PANEL, o.b_segment = taps_s * depth * PANEL;
            o.depth = taps_s * depth, o.segments = taps_s > 0 ? taps_r : 0;
            real* out = y + (((long long)n * OH + h0 + (g0 + row) * step) * OW + w0) * K + column;
            for (int tile = 0; tile < tiles; tile++) {
                const int g = tile_start(tile, tiles, GW), width = tile_start(tile + 1, tiles, GW) - g;
                o.a = base + row * stride * pitch + g * stride * depth;
                tile_block(out + (long long)g * step * K, step * K, width, K - column, columns - column < TILE_COLUMNS,
                           accumulate, o);
            }
        }
        __syncthreads();
    }
}

// Packs the patches of pixels [first, first + count) as panels[panel][pixel][PANEL], `depth` rows a panel; panels
// from..to of the R * ceil(S C / PANEL) that the rows of a filter make.
DEVICE void pack_patches(real* panels, int depth, int from, int to, const real* x, int first, int count, int H, int W,
                         int C, int S, int stride, int pad, int OH, int OW) {
    const int run = round_up(S * C, PANEL), r0 = from * PANEL / run, column0 = from * PANEL % run;
    LANE_LOOP (i, count) {
        const Position p = split_position(first + i, OH, OW);
        const int h0 = p.h * stride - pad, w0 = p.w * stride - pad;
        const int low = real_max(-w0, 0) * C, high = real_min(W - w0, S) * C;
        int h = h0 + r0, column = column0;
        for (int panel = from; panel < to; panel++) {
            const int begin = h >= 0 && h < H ? low - column : PANEL, end = high - column;
            const long long at = (((long long)p.n * H + h) * W + w0) * C + column;
            real* out = panels + ((long long)(panel - from) * depth + i) * PANEL;
            if (begin <= 0 && end >= PANEL) {
                for (int l = 0; l < PANEL; l += VEC) vec_store(out + l, vec_load(x + at + l));
            } else {
                for (int l = 0; l < PANEL; l += VEC) vec_store(out + l, vec{});
                for (int l = real_max(begin, 0); l < real_min(end, PANEL); l++) out[l] = x[at + l];
            }
            column += PANEL;
            if (column == run) column = 0, h++;
        }
    }
}

// partial[chunk][k][r][S C rounded up to PANEL]: rows k, columns (s, c), which lie side by side in x as in dw.
// Task = (chunk of the N OH OW pixels, part of the panels); `depth` pixels at a time are packed and multiplied.
// Tried: columns read from a padded strip instead of packed; 32 ms against 17 at 256 -> 512 channels, 8x8, stride 2.
KERNEL COOPERATIVE direct_filter_gradient(real* partial, const real* x, const real* dy, const real* x2, const real* dy2,
                                          real* scratch, long long scratch_stride, int N, int H, int W, int C, int R,
                                          int S, int stride, int pad, int OH, int OW, int K, int terms, int chunks,
                                          int parts, int depth) {
    const int columns = R * round_up(S * C, PANEL), panels = columns / PANEL, row = odd_panels(K);
    real* z = scratch + blockIdx.x * scratch_stride;
    real* packed = z + depth * row;
    BLOCK_ROWS (task, chunks * parts) {
        const int chunk = task / parts, part = task % parts;
        const int from = (int)((long long)panels * part / parts), to = (int)((long long)panels * (part + 1) / parts);
        const int p0 = (int)((long long)N * OH * OW * chunk / chunks);
        const int p1 = (int)((long long)N * OH * OW * (chunk + 1) / chunks), steps = (p1 - p0 + depth - 1) / depth;
        const int width = (to - from) * PANEL, groups = (width + TILE_COLUMNS - 1) / TILE_COLUMNS;
        real* sum = partial + (long long)chunk * K * columns + from * PANEL;
        for (int step = 0; step < terms * steps; step++) {
            const int first = p0 + step % steps * depth, count = real_min(depth, p1 - first);
            const real* g = (step < steps ? dy : dy2) + (long long)first * K;
            const bool add = step > 0;
            pack_patches(packed, depth, from, to, step < steps ? x : x2, first, count, H, W, C, S, stride, pad, OH, OW);
            for (int i = 0; i < count; i++)
                LANE_LOOP (k, K) z[i * row + k] = g[i * K + k];
            __syncthreads();
            LANE_LOOP (item, groups) {
                const int column = item * TILE_COLUMNS;
                TileOperands o;
                o.a_row = 1, o.a_step = row, o.a_segment = 0;
                o.b = panel_column(packed, depth, column), o.b_vec = panel_vec(depth), o.b_step = PANEL,
                o.b_segment = 0;
                o.depth = count, o.segments = 1;
                for (int k = 0; k < K; k += TILE_ROWS) {
                    o.a = z + k;
                    tile_block(sum + (long long)k * columns + column, columns, real_min(TILE_ROWS, K - k),
                               width - column, width - column < TILE_COLUMNS, add, o);
                }
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
