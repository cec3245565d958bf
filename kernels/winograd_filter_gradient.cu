// winograd_filter_gradient.cu - the filter gradient of a 3x3 convolution with stride 1, in the transformed domain.
//
//   dw[k][r][s][c] (+)= sum_{n,h,w} dy[n][h][w][k] * x[n][h + r - pad][w + s - pad][c]
//                     = G^T [ sum_tiles (B^T x B)[c] (A dy A^T)[k] ] G            (transforms: include/winograd.cuh)
//
//   tiles:   winograd_filter_gradient: a block transforms `group` tiles of x and dy into its scratch and adds their 36
//            products to its chunk's partial sum, then winograd_filter_gradient_reduce. For few channels, where a
//            partial sum (36 C K) stays in the cache.
//   blocks:  winograd_input of winograd.cu and winograd_gradient_input transform all tiles, then
//            winograd_filter_gradient_blocks: a block owns c_block x PANEL filters and sums over all tiles; nothing partial
//            reaches memory. For many channels.
// Terms (x2, dy2) are further tiles of the same sum.
// Launch: winograd_gradient_input by Rows(tiles, K); reduce by Rows(panels, C); the other two by blocks with one scratch slot
// per block. Partial sums are combined in a fixed order.
#include "winograd.cuh"

// z[36][row][columns], zero in the columns from K up: z points at the first row to write, `rows` is the size of a plane
KERNEL winograd_gradient_input(real* __restrict__ z, const real* __restrict__ dy, int N, int OH, int OW, int K, int tiles_h,
                               int tiles_w, int rows) {
    const int columns = round_up(K, PANEL);
    GRID_ROWS (tile, N * tiles_h * tiles_w) {
        const TileCorner p = tile_corner(tile, tiles_h, tiles_w);
        const real* image = dy + (long long)p.n * OH * OW * K;
        real* out = z + (long long)tile * columns;
        const long long z_step = plane_step(rows, columns);
        LANE_LOOP (i, (K + VEC - 1) / VEC)
            FOR_CHANNEL_GROUP (i, K, winograd_gradient_tile<T>(out + c, z_step, image + c, p.h, p.w, OH, OW, K))
        LANE_LOOP (i, columns - K)
            for (int xi = 0; xi < WINOGRAD_POINTS; xi++) out[xi * z_step + K + i] = 0;
    }
}

// sum[36][rows of c][columns] (+)= v[36][tiles][c]^T z[36][tiles][columns]; all threads of the block
DEVICE void winograd_outer(real* sum, long long sum_step, int rows, int columns, bool add, const real* v, int v_row,
                           long long v_step, const real* z, int z_row, long long z_step, int tiles) {
    const int groups = (columns + TILE_COLUMNS - 1) / TILE_COLUMNS, blocks = (rows + TILE_ROWS - 1) / TILE_ROWS;
    LANE_LOOP (item, WINOGRAD_POINTS * groups * blocks) {
        const int row = item % blocks * TILE_ROWS, column = item / blocks % groups * TILE_COLUMNS, xi = item / blocks / groups;
        TileOperands o;
        o.a = v + xi * v_step + row, o.a_row = 1, o.a_step = v_row, o.a_segment = 0;
        o.b = z + xi * z_step + column, o.b_vec = VEC, o.b_step = z_row, o.b_segment = 0;
        o.depth = tiles, o.segments = 1;
        tile_block(sum + xi * sum_step + row * columns + column, columns, real_min(TILE_ROWS, rows - row), columns - column,
                   columns - column < TILE_COLUMNS, add, o);
    }
}

// dw of channel c and the `count` filters from k0, lanes over filters: in[chunk][36][..][columns] at (c, k0)
DEVICE void winograd_write_filter(real* dw, const real* in, long long step, int chunks, long long chunk_stride, int count, int c,
                                  int k0, int C, bool accumulate) {
    for (int i = 0; i < count; i += VEC) {
        vec u[WINOGRAD_POINTS], w[9];
        for (int xi = 0; xi < WINOGRAD_POINTS; xi++) {
            u[xi] = vec_load(in + i + xi * step);
            for (int q = 1; q < chunks; q++) u[xi] += vec_load(in + i + xi * step + q * chunk_stride);
        }
        winograd_filter_gradient_tile(w, u);
        for (int tap = 0; tap < 9; tap++) {
            real value[VEC];
            vec_store(value, w[tap]);
            for (int l = 0; l < VEC && i + l < count; l++) {
                real* p = dw + ((long long)(k0 + i + l) * 9 + tap) * C + c;
                *p = accumulate ? *p + value[l] : value[l];
            }
        }
    }
}

// partial[chunk][36][C][K rounded up to PANEL]
KERNEL COOPERATIVE winograd_filter_gradient(real* partial, const real* x, const real* dy, const real* x2, const real* dy2,
                                            real* scratch, long long scratch_stride, int N, int H, int W, int C, int K, int OH,
                                            int OW, int pad, int terms, int tiles_h, int tiles_w, int chunks, int group) {
    const int columns = round_up(K, PANEL), tiles = N * tiles_h * tiles_w;
    const int c_groups = (C + VEC - 1) / VEC, k_groups = (columns + VEC - 1) / VEC;
    const long long v_step = plane_step(group, C), z_step = plane_step(group, columns), sum_step = plane_step(C, columns);
    real* v = scratch + blockIdx.x * scratch_stride;
    real* z = v + WINOGRAD_POINTS * v_step;
    BLOCK_ROWS (chunk, chunks) {
        const int from = (int)((long long)tiles * chunk / chunks), to = (int)((long long)tiles * (chunk + 1) / chunks);
        real* sum = partial + chunk * (WINOGRAD_POINTS * sum_step);
        bool add = false;
        for (int t = 0; t < terms; t++)
            for (int first = from; first < to; first += group) {
                const int rows = real_min(group, to - first);
                LANE_LOOP (item, rows * c_groups) {
                    const int i = item % c_groups, row = item / c_groups;
                    const TileCorner p = tile_corner(first + row, tiles_h, tiles_w);
                    const real* image = (t ? x2 : x) + (long long)p.n * H * W * C;
                    FOR_CHANNEL_GROUP (i, C, winograd_input_tile<T>(v + row * C + c, v_step, image + c, p.h - pad, p.w - pad, H, W, C))
                }
                LANE_LOOP (item, rows * k_groups) {
                    const int i = item % k_groups, row = item / k_groups;
                    const TileCorner p = tile_corner(first + row, tiles_h, tiles_w);
                    const real* image = (t ? dy2 : dy) + (long long)p.n * OH * OW * K;
                    real* out = z + row * columns;
                    FOR_CHANNEL_GROUP (i, K, winograd_gradient_tile<T>(out + c, z_step, image + c, p.h, p.w, OH, OW, K))
                    for (int c = real_max(K, i * VEC); c < (i + 1) * VEC; c++)
                        for (int xi = 0; xi < WINOGRAD_POINTS; xi++) out[xi * z_step + c] = 0;
                }
                __syncthreads();
                winograd_outer(sum, sum_step, C, columns, add, v, C, v_step, z, columns, z_step, rows);
                __syncthreads();
                add = true;
            }
    }
}

KERNEL winograd_filter_gradient_reduce(real* __restrict__ dw, const real* __restrict__ partial, int chunks, int C, int K,
                                       int accumulate) {
    const int columns = round_up(K, PANEL);
    const long long sum_step = plane_step(C, columns);
    GRID_ROWS (panel, columns / PANEL)
        LANE_LOOP (c, C)
            winograd_write_filter(dw, partial + (long long)c * columns + panel * PANEL, sum_step, chunks,
                                  WINOGRAD_POINTS * sum_step, real_min(PANEL, K - panel * PANEL), c, panel * PANEL, C, accumulate);
}

KERNEL COOPERATIVE winograd_filter_gradient_blocks(real* dw, const real* v, const real* z, real* scratch,
                                                   long long scratch_stride, int rows, int C, int K, int c_block,
                                                   int accumulate) {
    const int columns = round_up(K, PANEL), c_blocks = (C + c_block - 1) / c_block;
    const int width = real_max(PANEL, TILE_COLUMNS), groups = (columns + width - 1) / width;
    const long long v_step = plane_step(rows, C), z_step = plane_step(rows, columns);
    real* sum = scratch + blockIdx.x * scratch_stride;
    BLOCK_ROWS (task, c_blocks * groups) {
        const int c0 = task % c_blocks * c_block, c_count = real_min(c_block, C - c0);
        const int k0 = task / c_blocks * width, k_columns = real_min(width, columns - k0), k_count = real_min(k_columns, K - k0);
        const long long sum_step = plane_step(c_block, width);
        winograd_outer(sum, sum_step, c_count, k_columns, false, v + c0, C, v_step, z + k0, columns, z_step, rows);
        __syncthreads();
        LANE_LOOP (i, c_count)
            winograd_write_filter(dw, sum + i * k_columns, sum_step, 1, 0, k_count, c0 + i, k0, C, accumulate);
        __syncthreads();
    }
}
