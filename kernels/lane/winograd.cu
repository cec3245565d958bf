// winograd.cu - 3x3 convolution with stride 1 as F(4x4, 3x3) (transforms and their error: include/winograd.cuh).
//
//   y[n][h][w][k] (+)= sum_{t} sum_{r,s,c} x_t[n][h + r - pad][w + s - pad][c] * w_t[k][r][s][c]     t = 1 .. terms
//
// The input gradient is the same map on the flipped transposed filter. Terms are further channels of the transformed
// data: two products share one output transform. Filters come from direct_pack_filter, [panel][9][depth][PANEL], depth
// = terms C.
//   tiles:  winograd_filter once, then winograd_convolution: a block transforms `group` tiles into its own scratch,
//           multiplies and transforms back, all in its cache; the filter streams past. For K <= tiles.
//   panels: winograd_input once, then winograd_convolution_panels: a block owns PANEL output channels, transforms their
//           filters into its scratch and lets the data stream past. For K > tiles (4x4 images with 512 channels), where
//           the transformed filter (38 MB) would be read from memory by every block.
// Launch: winograd_filter by Rows(panels depth, PANEL), winograd_input by Rows(tiles, C), the convolutions by blocks,
// no more than scratch has slots of scratch_stride elements.
// Tried: __restrict__ on the kernels with scratch; g++ 12 contracts other products into fma, and is not faster for it.
#include "include/geometry.cuh"
#include "include/winograd.cuh"

// u[36][panel][depth][PANEL]
KERNEL winograd_filter(real* __restrict__ u, const real* __restrict__ packed, int panels, int depth) {
    const int tap_step = depth * PANEL;
    GRID_ROWS (row, panels * depth) {
        const int panel = row / depth, c = row % depth;
        LANE_LOOP (i, PANEL / VEC)
            winograd_filter_tile<vec>(u + (long long)row * PANEL + i * VEC, (long long)panels * tap_step,
                                      packed + ((long long)panel * 9 * depth + c) * PANEL + i * VEC, tap_step);
    }
}

// v[36][row][depth]: the caller's v points at the first row and the first channel to write, `rows` is the size of a
// plane
KERNEL winograd_input(real* __restrict__ v, const real* __restrict__ x, TileGeometry dim, int rows, int depth) {
    const long long v_step = plane_step(rows, depth);
    GRID_ROWS (tile, dim.N * dim.tiles_h * dim.tiles_w) {
        const TileCorner p = tile_corner(tile, dim.tiles_h, dim.tiles_w);
        const real* image = x + (long long)p.n * dim.H * dim.W * dim.C;
        real* out = v + (long long)tile * depth;
        LANE_LOOP (i, (dim.C + VEC - 1) / VEC)
            FOR_CHANNEL_GROUP(
                i, dim.C,
                winograd_input_tile<T>(out + c, v_step, image + c, p.h - dim.pad, p.w - dim.pad, dim.H, dim.W, dim.C))
    }
}

// m[36][rows][columns] = v[36][rows][depth] u[36][panel][depth][PANEL]; all threads of the block
DEVICE void winograd_multiply(real* m, const real* v, int v_row, long long v_step, int rows, int depth, const real* u,
                              long long u_step, int columns) {
    const int groups = (columns + TILE_COLUMNS - 1) / TILE_COLUMNS;
    // An item is a column of tiles, so that its divisions and its panel of the filter serve many products.
    LANE_LOOP (item, WINOGRAD_POINTS * groups) {
        const int column = item % groups * TILE_COLUMNS, xi = item / groups;
        TileOperands o;
        o.a_row = v_row, o.a_step = 1, o.a_segment = 0;
        o.b = panel_column(u + xi * u_step, depth, column);
        o.b_vec = panel_vec(depth), o.b_step = PANEL, o.b_segment = 0;
        o.depth = depth, o.segments = 1;
        for (int row = 0; row < rows; row += TILE_ROWS) {
            o.a = v + xi * v_step + (long long)row * v_row;
            tile_block(m + xi * plane_step(rows, columns) + row * columns + column, columns,
                       real_min(TILE_ROWS, rows - row), columns - column, columns - column < TILE_COLUMNS, false, o);
        }
    }
}

KERNEL COOPERATIVE winograd_convolution(real* y, const real* x, const real* x2, const real* u, real* scratch,
                                        long long scratch_stride, TileGeometry dim, int terms, int group,
                                        int accumulate) {
    const int depth = terms * dim.C, columns = round_up(dim.K, PANEL), tiles = dim.N * dim.tiles_h * dim.tiles_w;
    const int c_groups = (dim.C + VEC - 1) / VEC, k_groups = (dim.K + VEC - 1) / VEC;
    real* v = scratch + blockIdx.x * scratch_stride;
    real* m = v + WINOGRAD_POINTS * plane_step(group, depth);
    BLOCK_ROWS (task, (tiles + group - 1) / group) {
        const int first = task * group, rows = real_min(group, tiles - first);
        const long long v_step = plane_step(rows, depth), m_step = plane_step(rows, columns);
        LANE_LOOP (item, rows * terms * c_groups) {
            const int i = item % c_groups, t = item / c_groups % terms, row = item / c_groups / terms;
            const TileCorner p = tile_corner(first + row, dim.tiles_h, dim.tiles_w);
            const real* image = (t ? x2 : x) + (long long)p.n * dim.H * dim.W * dim.C;
            real* out = v + row * depth + t * dim.C;
            FOR_CHANNEL_GROUP(
                i, dim.C,
                winograd_input_tile<T>(out + c, v_step, image + c, p.h - dim.pad, p.w - dim.pad, dim.H, dim.W, dim.C))
        }
        __syncthreads();
        winograd_multiply(m, v, depth, v_step, rows, depth, u, (long long)depth * columns, columns);
        __syncthreads();
        LANE_LOOP (item, rows * k_groups) {
            const int i = item % k_groups, row = item / k_groups;
            const TileCorner p = tile_corner(first + row, dim.tiles_h, dim.tiles_w);
            real* image = y + (long long)p.n * dim.OH * dim.OW * dim.K;
            const real* in = m + row * columns;
            FOR_CHANNEL_GROUP(
                i, dim.K,
                winograd_output_tile<T>(image + c, in + c, m_step, p.h, p.w, dim.OH, dim.OW, dim.K, accumulate))
        }
        __syncthreads();
    }
}

// Panels that one task owns: as many as a register tile spans.
#define TASK_PANELS (VEC == PANEL ? 2 : 1)

KERNEL COOPERATIVE winograd_convolution_panels(real* y, const real* v, const real* packed, real* scratch,
                                               long long scratch_stride, TileGeometry dim, int depth, int group,
                                               int accumulate) {
    const int panels = (dim.K + PANEL - 1) / PANEL, tiles = dim.N * dim.tiles_h * dim.tiles_w;
    const long long v_step = plane_step(tiles, depth);
    real* u = scratch + blockIdx.x * scratch_stride;
    real* m = u + (long long)WINOGRAD_POINTS * 2 * depth * PANEL;
    BLOCK_ROWS (task, (panels + TASK_PANELS - 1) / TASK_PANELS) {
        const int panel = task * TASK_PANELS, columns = real_min(TASK_PANELS, panels - panel) * PANEL;
        const int k0 = panel * PANEL, count = real_min(columns, dim.K - k0), k_groups = (count + VEC - 1) / VEC;
        LANE_LOOP (item, columns / VEC * depth) {
            const int i = item % (PANEL / VEC) * VEC, row = item / (PANEL / VEC), p = row / depth, c = row % depth;
            winograd_filter_tile<vec>(u + row * PANEL + i, (long long)columns * depth,
                                      packed + ((long long)(panel + p) * 9 * depth + c) * PANEL + i, depth * PANEL);
        }
        __syncthreads();
        for (int first = 0; first < tiles; first += group) {
            const int rows = real_min(group, tiles - first);
            winograd_multiply(m, v + (long long)first * depth, depth, v_step, rows, depth, u,
                              (long long)columns * depth, columns);
            __syncthreads();
            LANE_LOOP (item, rows * k_groups) {
                const int i = item % k_groups, row = item / k_groups;
                const TileCorner p = tile_corner(first + row, dim.tiles_h, dim.tiles_w);
                real* image = y + (long long)p.n * dim.OH * dim.OW * dim.K + k0;
                const real* in = m + row * columns;
                FOR_CHANNEL_GROUP(i, count,
                                  winograd_output_tile<T>(image + c, in + c, plane_step(rows, columns), p.h, p.w,
                                                          dim.OH, dim.OW, dim.K, accumulate))
            }
            __syncthreads();
        }
    }
}
