// winograd_filter_gradient.cu - the filter gradient of a 3x3 convolution with stride 1, in the transformed domain.
//
//   dw[k][r][s][c] (+)= sum_{n,h,w} dy[n][h][w][k] * x[n][h + r - pad][w + s - pad][c]
//                     = G^T [ sum_tiles (A dy A^T)[k] (B^T x B)[c] ] G            (transforms: include/winograd.cuh)
//
//   tiles:   winograd_filter_gradient: a block transforms `group` tiles of x and dy into its scratch and adds their 36
//            products to its chunk's partial sum. For few channels, where a partial sum (36 K C) stays in the cache.
//   planes:  winograd_gradient_inputs transforms `rows` tiles of x and dy, winograd_filter_gradient_planes sums the
//            products of one of the 36 planes per task, so that its operands stay in the cache. For many channels.
//   both end with winograd_filter_gradient_reduce. Terms (x2, dy2) are further tiles of the same sum.
// Launch: winograd_gradient_inputs by Rows(tiles, max(C, K)); reduce by Rows(K, C); the other two by blocks, the first
// with one scratch slot per block. Partial sums are combined in a fixed order.
#include "winograd.cuh"

// Lines of the transformed data: v[36][v_step][C rounded up to PANEL], zero in the columns from C up; z[36][z_step][K].
struct GradientTiles {
    const real *x, *dy;
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
                                const real* __restrict__ dy, int H, int W, int C, int K, int OH, int OW, int pad,
                                int tiles_h, int tiles_w, int first, int count, int row, int rows) {
    const int columns = round_up(C, PANEL);
    const GradientTiles tiles = {x, dy, H, W, C, K, OH, OW, pad, tiles_h, tiles_w};
    GRID_ROWS (t, count) {
        LANE_LOOP (i, columns / VEC)
            tiles.data(v + (long long)(row + t) * columns, plane_step(rows, columns), first + t, i);
        LANE_LOOP (i, (K + VEC - 1) / VEC)
            tiles.gradient(z + (long long)(row + t) * K, plane_step(rows, K), first + t, i);
    }
}

// Tile `item` of the register tiles of sum[K][columns] (+)= z[rows][K]^T v[rows][columns]
DEVICE void winograd_outer(real* sum, int K, int columns, bool add, const real* v, const real* z, int rows, int item) {
    const int blocks = (K + TILE_ROWS - 1) / TILE_ROWS, k = item % blocks * TILE_ROWS,
              column = item / blocks * TILE_COLUMNS;
    TileOperands o;
    o.a = z + k, o.a_row = 1, o.a_step = K, o.a_segment = o.a_group = 0;
    o.b = v + column, o.b_vec = VEC, o.b_step = columns, o.b_segment = o.b_group = 0;
    o.depth = rows, o.segments = o.groups = 1;
    tile_block(sum + (long long)k * columns + column, columns, real_min(TILE_ROWS, K - k), columns - column,
               columns - column < TILE_COLUMNS, add, o);
}
DEVICE int outer_tiles(int K, int columns) {
    return (K + TILE_ROWS - 1) / TILE_ROWS * ((columns + TILE_COLUMNS - 1) / TILE_COLUMNS);
}

// partial[chunk][36][K][C rounded up to PANEL]
KERNEL COOPERATIVE winograd_filter_gradient(real* partial, const real* x, const real* dy, const real* x2,
                                            const real* dy2, real* scratch, long long scratch_stride, int N, int H,
                                            int W, int C, int K, int OH, int OW, int pad, int terms, int tiles_h,
                                            int tiles_w, int chunks, int group) {
    const int columns = round_up(C, PANEL), count = N * tiles_h * tiles_w, items = outer_tiles(K, columns);
    const int c_groups = columns / VEC, k_groups = (K + VEC - 1) / VEC;
    const long long v_step = plane_step(group, columns), z_step = plane_step(group, K),
                    sum_step = plane_step(K, columns);
    real* v = scratch + blockIdx.x * scratch_stride;
    real* z = v + WINOGRAD_POINTS * v_step;
    BLOCK_ROWS (chunk, chunks) {
        const int from = (int)((long long)count * chunk / chunks), to = (int)((long long)count * (chunk + 1) / chunks);
        real* sum = partial + chunk * (WINOGRAD_POINTS * sum_step);
        const int steps = (to - from + group - 1) / group;
        for (int step = 0; step < terms * steps; step++) {
            const int first = from + step % steps * group, rows = real_min(group, to - first);
            const bool second = step >= steps;
            const GradientTiles tiles = {second ? x2 : x, second ? dy2 : dy, H, W, C, K, OH, OW, pad, tiles_h, tiles_w};
            LANE_LOOP (item, rows * c_groups)
                tiles.data(v + item / c_groups * columns, v_step, first + item / c_groups, item % c_groups);
            LANE_LOOP (item, rows * k_groups)
                tiles.gradient(z + item / k_groups * K, z_step, first + item / k_groups, item % k_groups);
            __syncthreads();
            LANE_LOOP (item, WINOGRAD_POINTS * items) {
                const int xi = item / items;
                winograd_outer(sum + xi * sum_step, K, columns, step > 0, v + xi * v_step, z + xi * z_step, rows,
                               item % items);
            }
            __syncthreads();
        }
    }
}

// sum[36][K][C rounded up to PANEL] (+)= the products of `rows` rows; `depth` rows at a time stay in the first-level
// cache
KERNEL winograd_filter_gradient_planes(real* sum, const real* v, const real* z, int C, int K, int rows, int depth,
                                       int parts, int add) {
    const int columns = round_up(C, PANEL), items = outer_tiles(K, columns);
    const long long v_step = plane_step(rows, columns), z_step = plane_step(rows, K), sum_step = plane_step(K, columns);
    GRID_ROWS (task, WINOGRAD_POINTS * parts) {
        const int xi = task / parts, part = task % parts;
        const int from = (int)((long long)items * part / parts), to = (int)((long long)items * (part + 1) / parts);
        for (int row = 0; row < rows; row += depth)
            LANE_LOOP (index, to - from)
                winograd_outer(sum + xi * sum_step, K, columns, add || row > 0,
                               v + xi * v_step + (long long)row * columns, z + xi * z_step + (long long)row * K,
                               real_min(depth, rows - row), from + index);
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
