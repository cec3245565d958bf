// winograd_filter_gradient.cu - the filter gradient of a 3x3 convolution with stride 1, in the transformed domain.
//
//   dw[k][r][s][c] (+)= sum_{n,h,w} dy[n][h][w][k] * x[n][h + r - pad][w + s - pad][c]
//                     = G^T [ sum_tiles (A dy A^T)[k] (B^T x B)[c] ] G            (transforms: include/winograd.cuh)
//
//   tiles:   winograd_filter_gradient: a block transforms `group` tiles of x and dy into its scratch and adds their 36
//            products to its chunk's partial sum. For few channels, where a partial sum (36 K C) stays in the cache.
//   blocks:  winograd_gradient_inputs transforms `rows` tiles of x and dy, then a block of
//            winograd_filter_gradient_blocks sums k_block x c_block filters over them in its scratch and transforms
//            back: no transformed filter (38 MB at 512 x 512 channels) reaches memory. For many channels.
// Terms (x2, dy2) are further tiles of the same sum.
// Launch: winograd_gradient_inputs by Rows(tiles, max(C, K)); reduce by Rows(K, C); the other two by blocks, no more
// than scratch has slots of scratch_stride elements. Partial sums are combined in a fixed order. Tried: one of the 36
// planes per task with the sums in memory; 20 ms against 10 at 512 x 512 channels and 32 tiles.
// Tried: __restrict__ on the kernels with scratch, as in winograd.cu.
#include "include/geometry.cuh"
#include "include/winograd.cuh"

// Rows of the transformed data: v[36][rows][odd_panels(C)], zero from C to the next panel; z[36][rows][odd_panels(K)].
struct GradientTiles {
    const real *x, *dy;
    // Not a TileGeometry: with it g++ 12 contracts other products into fma, and results move in their last bits.
    int H, W, C, K, OH, OW, pad, tiles_h, tiles_w;
    DEVICE void data(real* v, long long v_step, int tile, int i) const {
        const TileCorner p = tile_corner(tile, tiles_h, tiles_w);
        const real* image = x + (long long)p.n * H * W * C;
        FOR_CHANNEL_GROUP(i, C, winograd_input_tile<T>(v + c, v_step, image + c, p.h - pad, p.w - pad, H, W, C))
        for (int c = real_max(C, i * VEC); c < (i + 1) * VEC; c++)
            for (int xi = 0; xi < WINOGRAD_POINTS; xi++) v[xi * v_step + c] = 0;
    }
    DEVICE void gradient(real* z, long long z_step, int tile, int i) const {
        const TileCorner p = tile_corner(tile, tiles_h, tiles_w);
        const real* image = dy + (long long)p.n * OH * OW * K;
        FOR_CHANNEL_GROUP(i, K, winograd_gradient_tile<T>(z + c, z_step, image + c, p.h, p.w, OH, OW, K))
    }
};

// Tiles [first, first + count) of x and dy, to rows `row`.. of planes of `rows` rows.
KERNEL winograd_gradient_inputs(real* __restrict__ v, real* __restrict__ z, const real* __restrict__ x,
                                const real* __restrict__ dy, TileGeometry dim, int first, int count, int row,
                                int rows) {
    const int v_row = odd_panels(dim.C), z_row = odd_panels(dim.K);
    const GradientTiles tiles = {x, dy, dim.H, dim.W, dim.C, dim.K, dim.OH, dim.OW, dim.pad, dim.tiles_h, dim.tiles_w};
    GRID_ROWS (t, count) {
        LANE_LOOP (i, round_up(dim.C, PANEL) / VEC)
            tiles.data(v + (long long)(row + t) * v_row, plane_step(rows, v_row), first + t, i);
        LANE_LOOP (i, (dim.K + VEC - 1) / VEC)
            tiles.gradient(z + (long long)(row + t) * z_row, plane_step(rows, z_row), first + t, i);
    }
}

// Columns [column, column + TILE_COLUMNS) of sum[count][columns] (+)= z[rows][count]^T v[rows][columns]
DEVICE void winograd_outer(real* sum, int count, int columns, bool add, const real* v, int v_row, const real* z,
                           int z_row, int rows, int column) {
    TileOperands o;
    o.a_row = 1, o.a_step = z_row, o.a_segment = 0;
    o.b = v + column, o.b_vec = VEC, o.b_step = v_row, o.b_segment = 0;
    o.depth = rows, o.segments = 1;
    for (int k = 0; k < count; k += TILE_ROWS) {
        o.a = z + k;
        tile_block(sum + (long long)k * columns + column, columns, real_min(TILE_ROWS, count - k), columns - column,
                   columns - column < TILE_COLUMNS, add, o);
    }
}
DEVICE int column_groups(int columns) { return (columns + TILE_COLUMNS - 1) / TILE_COLUMNS; }

// partial[chunk][36][K][C rounded up to PANEL]
KERNEL COOPERATIVE winograd_filter_gradient(real* partial, const real* x, const real* dy, const real* x2,
                                            const real* dy2, real* scratch, long long scratch_stride, TileGeometry dim,
                                            int terms, int chunks, int group) {
    const int columns = round_up(dim.C, PANEL), count = dim.N * dim.tiles_h * dim.tiles_w,
              items = column_groups(columns);
    const int c_groups = columns / VEC, k_groups = (dim.K + VEC - 1) / VEC, v_row = odd_panels(dim.C),
              z_row = odd_panels(dim.K);
    const long long v_step = plane_step(group, v_row), z_step = plane_step(group, z_row);
    const long long sum_step = plane_step(dim.K, columns);
    real* v = scratch + blockIdx.x * scratch_stride;
    real* z = v + WINOGRAD_POINTS * v_step;
    BLOCK_ROWS (chunk, chunks) {
        const int from = (int)((long long)count * chunk / chunks), to = (int)((long long)count * (chunk + 1) / chunks);
        real* sum = partial + chunk * (WINOGRAD_POINTS * sum_step);
        const int steps = (to - from + group - 1) / group;
        for (int step = 0; step < terms * steps; step++) {
            const int first = from + step % steps * group, rows = real_min(group, to - first);
            const bool second = step >= steps;
            const GradientTiles tiles = {
                second ? x2 : x, second ? dy2 : dy, dim.H,       dim.W,      dim.C, dim.K, dim.OH,
                dim.OW,          dim.pad,           dim.tiles_h, dim.tiles_w};
            LANE_LOOP (item, rows * c_groups)
                tiles.data(v + item / c_groups * v_row, v_step, first + item / c_groups, item % c_groups);
            LANE_LOOP (item, rows * k_groups)
                tiles.gradient(z + item / k_groups * z_row, z_step, first + item / k_groups, item % k_groups);
            __syncthreads();
            LANE_LOOP (item, WINOGRAD_POINTS * items) {
                const int xi = item / items;
                winograd_outer(sum + xi * sum_step, dim.K, columns, step > 0, v + xi * v_step, v_row, z + xi * z_step,
                               z_row, rows, item % items * TILE_COLUMNS);
            }
            __syncthreads();
        }
    }
}

template <class T>
DEVICE void winograd_reduce_tile(real* dw, int C, const real* in, long long step, int chunks, long long chunk_stride,
                                 bool add) {
    T u[WINOGRAD_POINTS], w[9];
    for (int xi = 0; xi < WINOGRAD_POINTS; xi++) {
        u[xi] = lanes_load<T>(in + xi * step);
        for (int q = 1; q < chunks; q++) u[xi] += lanes_load<T>(in + xi * step + q * chunk_stride);
    }
    winograd_filter_gradient_tile(w, u);
    for (int tap = 0; tap < 9; tap++) lanes_store(dw + tap * C, add ? lanes_load<T>(dw + tap * C) + w[tap] : w[tap]);
}

KERNEL winograd_filter_gradient_reduce(real* __restrict__ dw, const real* __restrict__ partial, int chunks, int C,
                                       int K, int accumulate) {
    const int columns = round_up(C, PANEL);
    const long long sum_step = plane_step(K, columns);
    GRID_ROWS (k, K) {
        const real* in = partial + (long long)k * columns;
        real* out = dw + (long long)k * 9 * C;
        LANE_LOOP (i, (C + VEC - 1) / VEC)
            FOR_CHANNEL_GROUP(
                i, C,
                winograd_reduce_tile<T>(out + c, C, in + c, sum_step, chunks, WINOGRAD_POINTS * sum_step, accumulate))
    }
}

// dw (+)= the sum over `rows` rows of v and z, `depth` at a time so that their part of a plane stays in the cache
KERNEL COOPERATIVE winograd_filter_gradient_blocks(real* dw, const real* v, const real* z, real* scratch,
                                                   long long scratch_stride, int C, int K, int rows, int depth,
                                                   int k_block, int c_block, int accumulate) {
    const int columns = round_up(C, PANEL), c_blocks = (columns + c_block - 1) / c_block;
    const int v_row = odd_panels(C), z_row = odd_panels(K);
    const long long v_step = plane_step(rows, v_row), z_step = plane_step(rows, z_row);
    const long long sum_step = plane_step(k_block, c_block);
    real* sum = scratch + blockIdx.x * scratch_stride;
    BLOCK_ROWS (task, (K + k_block - 1) / k_block * c_blocks) {
        const int k0 = task / c_blocks * k_block, k_count = real_min(k_block, K - k0);
        const int c0 = task % c_blocks * c_block, width = real_min(c_block, columns - c0);
        const int c_count = real_min(width, C - c0), items = column_groups(width), c_groups = (c_count + VEC - 1) / VEC;
        for (int row = 0; row < rows; row += depth)
            LANE_LOOP (item, WINOGRAD_POINTS * items) {
                const int xi = item / items;
                winograd_outer(sum + xi * sum_step, k_count, width, row > 0,
                               v + xi * v_step + (long long)row * v_row + c0, v_row,
                               z + xi * z_step + (long long)row * z_row + k0, z_row, real_min(depth, rows - row),
                               item % items * TILE_COLUMNS);
            }
        __syncthreads();
        LANE_LOOP (item, k_count * c_groups) {
            const int k = item / c_groups;
            real* out = dw + (long long)(k0 + k) * 9 * C + c0;
            const real* in = sum + k * width;
            FOR_CHANNEL_GROUP(item % c_groups, c_count,
                              winograd_reduce_tile<T>(out + c, C, in + c, sum_step, 1, 0, accumulate))
        }
        __syncthreads();
    }
}
