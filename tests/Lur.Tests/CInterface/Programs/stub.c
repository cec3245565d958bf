/* Stands for managed code where only the C front is under test: every operation succeeds. */
#include <stdint.h>
#include <string.h>

struct arguments {
    const void* pointers[6];
    int64_t integer;
    double number;
};
int32_t lur__call(int32_t operation, intptr_t self, const struct arguments* a, void* failure) {
    (void)self, (void)failure;
    if (operation == 2) *(intptr_t*)a->pointers[1] = 1;  /* OP_OPEN */
    if (operation == 8) *(intptr_t*)a->pointers[2] = 1;  /* OP_STEP_CREATE */
    if (operation == 20) *(intptr_t*)a->pointers[2] = 1; /* OP_JOB_CREATE */
    if (operation == 25) *(intptr_t*)a->pointers[2] = 1; /* OP_MODEL_OPEN */
    if (operation == 26) *(intptr_t*)a->pointers[2] = 1; /* OP_MODEL_CREATE */
    return 0;
}
