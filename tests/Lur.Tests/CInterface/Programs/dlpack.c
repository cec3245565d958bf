/* lur_dlpack.h: what a DLTensor becomes. */
#include <lur_dlpack.h>
#include "harness.h"

int main(int argc, char** argv) {
    if (argc < 2) return 2;
    char memory[64];
    int64_t shape[] = {2, 1, 3}, strides[] = {6, 99, 2}, many[9] = {1, 1, 1, 1, 1, 1, 1, 1, 1}, empty[] = {2, 0};
    const lur_dl_tensor good = {memory, 1, 0, 3, 2, 32, 1, shape, strides, 8};
    lur_tensor t;
    CHECK(lur_tensor_from_dlpack(&t, "w", &good) == LUR_OK);
    CHECK(t.size == sizeof t && t.rank == 3 && t.data == (uint64_t)(uintptr_t)memory + 8 && strcmp(t.name, "w") == 0);
    CHECK(t.dtype == LUR_F32 && t.place == LUR_PLACE_HOST && t.layout == LUR_LAYOUT_DECLARED);
    CHECK(t.shape[0] == 2 && t.shape[2] == 3 && t.stride[0] == 6 && t.stride[1] == 1 && t.stride[2] == 2);
    const struct {
        uint8_t code, bits;
        int32_t dtype;
    } types[] = {{2, 16, LUR_F16}, {2, 64, LUR_F64}, {4, 16, LUR_BF16}, {0, 32, 0}, {1, 8, 0}, {2, 8, 0}, {4, 32, 0}};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        lur_dl_tensor d = good;
        d.code = types[i].code, d.bits = types[i].bits;
        CHECK(lur_tensor_from_dlpack(&t, "w", &d) == (types[i].dtype ? LUR_OK : LUR_ERROR_UNSUPPORTED));
        if (types[i].dtype) CHECK(t.dtype == types[i].dtype);
    }
    const int32_t devices[] = {1, 2, 3, 13, 4, 8}, places[] = {0, 1, 0, 1, -1, -1};
    for (int i = 0; i < 6; i++) {
        lur_dl_tensor d = good;
        d.device_type = devices[i];
        CHECK(lur_tensor_from_dlpack(&t, "w", &d) == (places[i] < 0 ? LUR_ERROR_UNSUPPORTED : LUR_OK));
        if (places[i] >= 0) CHECK(t.place == places[i]);
    }
#define BAD(expected, change)                                                                                          \
    do {                                                                                                               \
        lur_dl_tensor d = good;                                                                                        \
        change;                                                                                                        \
        CHECK(lur_tensor_from_dlpack(&t, "w", &d) == LUR_ERROR_##expected);                                            \
    } while (0)
    BAD(UNSUPPORTED, d.lanes = 4);
    BAD(ARGUMENT, d.data = NULL);
    BAD(ARGUMENT, d.shape = NULL);
    BAD(SIZE, (d.ndim = 9, d.shape = many, d.strides = NULL));
    BAD(SIZE, (d.ndim = 2, d.shape = empty));
    int64_t back[] = {6, 1, -2};
    BAD(SIZE, d.strides = back);
    CHECK(lur_tensor_from_dlpack(NULL, "w", &good) == LUR_ERROR_ARGUMENT);
    CHECK(lur_tensor_from_dlpack(&t, NULL, &good) == LUR_ERROR_ARGUMENT);

    lur_vector v;
    int32_t dtype = 0;
    int64_t dense[] = {3, 7, 1};
    lur_dl_tensor d = good;
    d.strides = NULL, d.bits = 64;
    CHECK(lur_vector_from_dlpack(&v, 1, &dtype, &d) == LUR_OK && v.count == 6 && dtype == LUR_F64 &&
          v.data == (uint64_t)(uintptr_t)memory + 8 && v.segment_count == 0);
    d.strides = dense;
    CHECK(lur_vector_from_dlpack(&v, 1, &dtype, &d) == LUR_OK);
    CHECK(lur_vector_from_dlpack(&v, 0, &dtype, &d) == LUR_ERROR_UNSUPPORTED); /* host memory for a GPU */
    CHECK(lur_vector_from_dlpack(&v, 1, &dtype, &good) == LUR_ERROR_SIZE);     /* gaps */
    d.bits = 16;
    CHECK(lur_vector_from_dlpack(&v, 1, &dtype, &d) == LUR_ERROR_UNSUPPORTED);
    d.ndim = 0, d.shape = NULL, d.strides = NULL, d.bits = 32;
    CHECK(lur_vector_from_dlpack(&v, 1, &dtype, &d) == LUR_OK && v.count == 1);
    return report(argv[1]);
}
