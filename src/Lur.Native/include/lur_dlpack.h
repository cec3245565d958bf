/* lur_dlpack.h - tensors that come by DLPack (PyTorch, NumPy, JAX, CuPy, TVM) as tensors and vectors of lur.h.
 *
 * C99 and C++11. A DLTensor is read by its layout, which DLPack keeps (version 0.2 to 1.x): no header of DLPack is
 * needed. The producer keeps the memory alive, and orders its work before Lur's: pass the stream of lur_device_info to
 * the producer's export, and no waiting is needed. Data need not be aligned as DLPack asks for.
 */
#ifndef LUR_DLPACK_H
#define LUR_DLPACK_H

#include <string.h>
#include "lur.h"

#ifdef __cplusplus
extern "C" {
#endif

/* As DLTensor lies in memory. */
typedef struct lur_dl_tensor {
    void* data;
    int32_t device_type; /* 1 CPU, 2 CUDA, 3 page-locked, 13 managed */
    int32_t device_id;
    int32_t ndim;
    uint8_t code; /* 2 float, 4 bfloat */
    uint8_t bits;
    uint16_t lanes;
    int64_t* shape;
    int64_t* strides; /* null for row-major without gaps */
    uint64_t byte_offset;
} lur_dl_tensor;

/* Fills a tensor for lur_model_bind. name, shape and data stay the caller's. LUR_ERROR_UNSUPPORTED: a device, or an
 * element type, that Lur does not read; LUR_ERROR_SIZE: more than eight extents, an empty one, or a stride below 1;
 * LUR_ERROR_ARGUMENT: a null pointer. lur_error_text says nothing of it. */
static inline int32_t lur_tensor_from_dlpack(lur_tensor* tensor, const char* name, const void* dl_tensor) {
    const lur_dl_tensor* const d = (const lur_dl_tensor*)dl_tensor;
    if (!tensor || !name || !d || !d->data || (d->ndim > 0 && !d->shape)) return LUR_ERROR_ARGUMENT;
    if (d->ndim < 0 || d->ndim > 8) return LUR_ERROR_SIZE;
    if (d->lanes != 1) return LUR_ERROR_UNSUPPORTED;
    memset(tensor, 0, sizeof *tensor);
    tensor->size = sizeof *tensor;
    tensor->rank = d->ndim;
    tensor->name = name;
    tensor->data = (uint64_t)(uintptr_t)d->data + d->byte_offset;
    if (d->device_type == 1 || d->device_type == 3)
        tensor->place = LUR_PLACE_HOST;
    else if (d->device_type == 2 || d->device_type == 13)
        tensor->place = LUR_PLACE_DEVICE;
    else
        return LUR_ERROR_UNSUPPORTED;
    if (d->code == 2 && d->bits == 32)
        tensor->dtype = LUR_F32;
    else if (d->code == 2 && d->bits == 64)
        tensor->dtype = LUR_F64;
    else if (d->code == 2 && d->bits == 16)
        tensor->dtype = LUR_F16;
    else if (d->code == 4 && d->bits == 16)
        tensor->dtype = LUR_BF16;
    else
        return LUR_ERROR_UNSUPPORTED;
    for (int32_t a = 0; a < d->ndim; a++) {
        if (d->shape[a] < 1) return LUR_ERROR_SIZE;
        tensor->shape[a] = d->shape[a];
        if (!d->strides) continue;
        /* The stride of an axis of one element means nothing, and producers write anything there. */
        tensor->stride[a] = d->shape[a] == 1 ? 1 : d->strides[a];
        if (tensor->stride[a] < 1) return LUR_ERROR_SIZE;
    }
    return LUR_OK;
}

/* Fills a vector of a step: all elements of a tensor without gaps, on the session's device. On the CPU that is host
 * memory, on a GPU the GPU's: host says which. dtype becomes LUR_F32 or LUR_F64. Failures as above. */
static inline int32_t lur_vector_from_dlpack(lur_vector* vector, int32_t host, int32_t* dtype, const void* dl_tensor) {
    lur_tensor t;
    if (!vector || !dtype) return LUR_ERROR_ARGUMENT;
    const int32_t code = lur_tensor_from_dlpack(&t, "vector", dl_tensor);
    if (code) return code;
    if ((t.dtype != LUR_F32 && t.dtype != LUR_F64) || (t.place == LUR_PLACE_HOST) != (host != 0))
        return LUR_ERROR_UNSUPPORTED;
    int64_t count = 1, next = 1;
    for (int32_t a = t.rank - 1; a >= 0; a--) {
        if (t.shape[a] > 1 && t.stride[a] && t.stride[a] != next) return LUR_ERROR_SIZE;
        next *= t.shape[a];
        count *= t.shape[a];
    }
    memset(vector, 0, sizeof *vector);
    vector->size = sizeof *vector;
    vector->data = t.data;
    vector->count = count;
    *dtype = t.dtype;
    return LUR_OK;
}

#ifdef __cplusplus
}
#endif

#endif /* LUR_DLPACK_H */
