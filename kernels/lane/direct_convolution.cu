// direct_convolution.cu - convolution without a patch matrix: register tiles of pixels x output channels.
//
//   convolution      y[n][o0 + step g][k] (+)= sum_{r,s,c} x[n][g * stride + r - top][...][c] * packed[k][r][s][c]
//   filter gradient  dw[k][r][s][c] (+)= sum_{n,g} dy[n][g][k] * x[n][g * stride + r - top][...][c]
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
#include "include/geometry.cuh"
#include "include/index.cuh"
#include "include/register_tile.cuh"

// packed[panel][r'][s'][offset + inner][PANEL], r = r0 + step r' likewise s; the column is k and the inner index c, or
// for the input gradient (transposed) the other way round. `depth` inner rows per tap leave room for a second term.
KERNEL direct_pack_filter(real* __restrict__ packed, const real* __restrict__ w, FilterGeometry dim, int transposed,
                          int depth, int offset) {
    const int taps = dim.taps_r * dim.taps_s, columns = transposed ? dim.C : dim.K, inner = transposed ? dim.K : dim.C;
    const int panels = (columns + PANEL - 1) / PANEL;
    GRID_ROWS (row, panels * taps) {
        const int panel = row / taps, tap = row % taps, column = panel * PANEL,
                  count = real_min(PANEL, columns - column);
        const int r = dim.r0 + dim.step * (tap / dim.taps_s), s = dim.s0 + dim.step * (tap % dim.taps_s);
        const long long inner_step = transposed ? (long long)dim.R * dim.S * dim.C : 1,
                        column_step = transposed ? 1 : (long long)dim.R * dim.S * dim.C;
        const real* in = w + (long long)(r * dim.S + s) * dim.C + column * column_step;
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

KERNEL COOPERATIVE direct_convolution(real* __restrict__ y, const real* __restrict__ x, const real* __restrict__ x2,
                                      const real* __restrict__ packed, real* __restrict__ scratch,
                                      long long scratch_stride, SweepGeometry dim, int terms, int strip_rows,
                                      int accumulate) {
    const int depth = terms * dim.C, columns = round_up(dim.K, PANEL),
              groups = (columns + TILE_COLUMNS - 1) / TILE_COLUMNS;
    const int tiles = (dim.GW + TILE_ROWS - 1) / TILE_ROWS, strips = (dim.GH + strip_rows - 1) / strip_rows;
    const int taps = dim.taps_r * dim.taps_s, cols = (dim.GW - 1) * dim.stride + dim.taps_s;
    const bool whole =
        terms == 1 && dim.top == 0 && dim.left == 0 && (dim.GH - 1) * dim.stride + dim.taps_r <= dim.H && cols <= dim.W;
    real* strip = scratch + blockIdx.x * scratch_stride;
    BLOCK_ROWS (task, dim.N * strips) {
        const int n = task / strips, g0 = task % strips * strip_rows, rows = real_min(strip_rows, dim.GH - g0);
        const long long image = (long long)n * dim.H * dim.W * dim.C;
        const int need = (rows - 1) * dim.stride + dim.taps_r;
        if (!whole)
            for (int t = 0; t < terms; t++)
                pad_strip(strip, depth, t * dim.C, (t ? x2 : x) + image, dim.H, dim.W, dim.C, g0 * dim.stride - dim.top,
                          need, -dim.left, cols);
        __syncthreads();
        const real* base = whole ? x + image + (long long)g0 * dim.stride * dim.W * dim.C : strip;
        const int pitch = (whole ? dim.W : cols) * depth;
        LANE_LOOP (item, groups * rows) {
            const int row = item % rows, column = item / rows * TILE_COLUMNS;
            TileOperands o;
            o.a_row = dim.stride * depth, o.a_step = 1, o.a_segment = pitch;
            o.b = panel_column(packed, taps * depth, column);
            o.b_vec = panel_vec(taps * depth), o.b_step = PANEL, o.b_segment = dim.taps_s * depth * PANEL;
            o.depth = dim.taps_s * depth, o.segments = dim.taps_s > 0 ? dim.taps_r : 0;
            real* out =
                y + (((long long)n * dim.OH + dim.h0 + (g0 + row) * dim.step) * dim.OW + dim.w0) * dim.K + column;
            for (int tile = 0; tile < tiles; tile++) {
                const int g = tile_start(tile, tiles, dim.GW), width = tile_start(tile + 1, tiles, dim.GW) - g;
                o.a = base + row * dim.stride * pitch + g * dim.stride * depth;
                tile_block(out + (long long)g * dim.step * dim.K, dim.step * dim.K, width, dim.K - column,
                           columns - column < TILE_COLUMNS, accumulate, o);
            }
        }
        __syncthreads();
    }
}

// Packs the patches of pixels [first, first + count) as panels[panel][pixel][PANEL], `depth` rows a panel; panels
// from..to of the R * ceil(S C / PANEL) that the rows of a filter make.
DEVICE void pack_patches(real* panels, int depth, int from, int to, const real* x, int first, int count,
                         const WindowGeometry& dim) {
    const int run = round_up(dim.S * dim.C, PANEL), r0 = from * PANEL / run, column0 = from * PANEL % run;
    LANE_LOOP (i, count) {
        const Position p = split_position(first + i, dim.OH, dim.OW);
        const int h0 = p.h * dim.stride - dim.top, w0 = p.w * dim.stride - dim.left;
        const int low = real_max(-w0, 0) * dim.C, high = real_min(dim.W - w0, dim.S) * dim.C;
        int h = h0 + r0, column = column0;
        for (int panel = from; panel < to; panel++) {
            const int begin = h >= 0 && h < dim.H ? low - column : PANEL, end = high - column;
            const long long at = (((long long)p.n * dim.H + h) * dim.W + w0) * dim.C + column;
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
KERNEL COOPERATIVE direct_filter_gradient(real* __restrict__ partial, const real* __restrict__ x,
                                          const real* __restrict__ dy, const real* __restrict__ x2,
                                          const real* __restrict__ dy2, real* __restrict__ scratch,
                                          long long scratch_stride, WindowGeometry dim, int terms, int chunks,
                                          int parts, int depth) {
    const int columns = dim.R * round_up(dim.S * dim.C, PANEL), panels = columns / PANEL, row = odd_panels(dim.K);
    real* z = scratch + blockIdx.x * scratch_stride;
    real* packed = z + depth * row;
    BLOCK_ROWS (task, chunks * parts) {
        const int chunk = task / parts, part = task % parts;
        const int from = (int)((long long)panels * part / parts), to = (int)((long long)panels * (part + 1) / parts);
        const int p0 = (int)((long long)dim.N * dim.OH * dim.OW * chunk / chunks);
        const int p1 = (int)((long long)dim.N * dim.OH * dim.OW * (chunk + 1) / chunks),
                  steps = (p1 - p0 + depth - 1) / depth;
        const int width = (to - from) * PANEL, groups = (width + TILE_COLUMNS - 1) / TILE_COLUMNS;
        real* sum = partial + (long long)chunk * dim.K * columns + from * PANEL;
        for (int step = 0; step < terms * steps; step++) {
            const int first = p0 + step % steps * depth, count = real_min(depth, p1 - first);
            const real* g = (step < steps ? dy : dy2) + (long long)first * dim.K;
            const bool add = step > 0;
            pack_patches(packed, depth, from, to, step < steps ? x : x2, first, count, dim);
            for (int i = 0; i < count; i++)
                LANE_LOOP (k, dim.K) z[i * row + k] = g[i * dim.K + k];
            __syncthreads();
            LANE_LOOP (item, groups) {
                const int column = item * TILE_COLUMNS;
                TileOperands o;
                o.a_row = 1, o.a_step = row, o.a_segment = 0;
                o.b = panel_column(packed, depth, column), o.b_vec = panel_vec(depth), o.b_step = PANEL,
                o.b_segment = 0;
                o.depth = count, o.segments = 1;
                for (int k = 0; k < dim.K; k += TILE_ROWS) {
                    o.a = z + k;
                    tile_block(sum + (long long)k * columns + column, columns, real_min(TILE_ROWS, dim.K - k),
                               width - column, width - column < TILE_COLUMNS, add, o);
                }
            }
            __syncthreads();
        }
    }
}

// dw[k][r][(s, c)] (+)= sum over chunks of partial[chunk][k][r][(s, c)]
KERNEL direct_reduce_filter(real* __restrict__ dw, const real* __restrict__ partial, WindowGeometry dim, int chunks,
                            int accumulate) {
    const int run = dim.S * dim.C, columns = round_up(run, PANEL);
    GRID_ROWS (row, dim.K * dim.R) {
        LANE_LOOP (i, run) {
            accum sum = accumulate ? dw[(long long)row * run + i] : real(0);
            for (int q = 0; q < chunks; q++) sum += partial[((long long)q * dim.K * dim.R + row) * columns + i];
            dw[(long long)row * run + i] = sum;
        }
    }
}
