// front.h - the C part of liblur: what managed code cannot do, or should not be asked for.
//
// A call passes through here first: fork, handles, threads and arguments are checked without the runtime. Then there is
// one entry into managed code, front_managed, with the number of an operation; Exports/EntryPoint.cs is the other side.
#pragma once
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include "lur.h"

#define LUR_EXPORT __attribute__((visibility("default")))

// The operations of managed code, in the order of Exports/Operation.cs.
enum operation {
    OP_START,
    OP_DOCTOR,
    OP_OPEN,
    OP_CLOSE,
    OP_WAIT,
    OP_DEVICE_INFO,
    OP_PRECOMPILE,
    OP_PLAN_STEP,
    OP_STEP_CREATE,
    OP_STEP_DESTROY,
    OP_STEP_LOOK_AHEAD,
    OP_STEP_PERTURB,
    OP_STEP_DIFFERENCE,
    OP_STEP_UPDATE,
    OP_STEP_GRADIENT,
    OP_STEP_RATE,
    OP_STEP_SKIP_FLAG,
    OP_STEP_TELEMETRY,
    OP_STEP_READ,
    OP_METHODS_JSON,
    OP_JOB_CREATE,
    OP_JOB_DESTROY,
    OP_JOB_PLAN,
    OP_JOB_RUN,
    OP_JOB_RESULT,
    OP_MODEL_OPEN,
    OP_MODEL_CREATE,
    OP_MODEL_DESTROY,
    OP_MODEL_DESCRIBE,
    OP_MODEL_TENSOR,
    OP_MODEL_BIND,
    OP_MODEL_WRITE_BACK,
    OP_MODEL_LOAD,
    OP_MODEL_SAVE,
    OP_SAMPLE
};

// What an operation is given: Exports/Arguments.cs has the same fields.
struct arguments {
    const void* pointers[6];
    int64_t integer;
    double number;
};

enum kind { KIND_SESSION = 1, KIND_STEP = 2, KIND_JOB = 3, KIND_MODEL = 4 };

// An entry of the table of handles. It never moves and is never freed, so that a stale handle may look at it.
struct slot {
    _Atomic uint32_t generation; // odd while in use
    _Atomic int32_t busy;        // a session that is in a call
    _Atomic int32_t cancelled;   // read by managed code
    _Atomic int32_t callbacks;   // callbacks that have not returned; counted by managed code
    _Atomic pthread_t owner;     // the thread of the call
    _Atomic int32_t running;     // a job in lur_job_run
    char* _Atomic checkpoint;    // where a running job was asked to leave one; taken and freed by managed code
    enum kind kind;
    uint32_t index;
    struct slot* session; // itself for a session
    intptr_t managed;
    struct slot* next; // vacant ones
};

// Sets text and code of the calling thread's last failure; returns the code.
__attribute__((format(printf, 2, 3))) int32_t front_fail(int32_t code, const char* format, ...);

// What is kept of the program's signals over the runtime's start.
void front_signals_before(void);
void front_signals_after(void);
// Copies from an address of the caller; 0 where it is none.
int32_t front_copy(void* to, uint64_t from, uint64_t count);
int32_t front_put(uint64_t to, void* from, uint64_t count);

// Starts the runtime at the first call, or says why it may not be called.
int32_t front_start(void);

// Calls managed code; a failure's text goes to the calling thread.
int32_t front_managed(enum operation, intptr_t self, const struct arguments*);

// Finds what a handle means and claims its session for the calling thread; front_leave gives it back.
int32_t front_enter(const void* handle, enum kind, struct slot** self);
void front_leave(struct slot* self);

// Claims the session of a handle, calls managed code with it, gives the session back.
int32_t front_call(const void* handle, enum kind, enum operation, const struct arguments*);

// Makes something of a session: pointers[2] becomes the place for its object. And the end of it.
int32_t front_create(const void* session, enum kind, enum operation, struct arguments, void** made);
// The object of a model of a session that has been entered; null for a null handle.
int32_t front_weights(const struct slot* session, const void* handle, const void** managed);
int32_t front_destroy(const void* handle, enum kind, enum operation);

// The slot behind a handle, or null; looks at no memory but the table's and sets no text.
struct slot* front_find(const void* handle, enum kind);
// Says that a handle is none.
int32_t front_no_handle(const void* handle, enum kind);
// Whether this is a child of a process that used Lur.
bool front_forked(void);

// A new entry, claimed; session null for a session of its own. Its handle is valid from front_publish on.
int32_t front_add(enum kind, struct slot* session, struct slot** made);
void* front_publish(struct slot*);
// Makes the handle invalid, a session free, and the entry vacant, in this order.
void front_remove(struct slot*);
// Makes everything of a session invalid, itself included.
void front_remove_all(struct slot* session);

// A struct of the caller: copied over defaults where it is an option, checked for what is not known.
int32_t front_read(void* ours, size_t size, const void* theirs, const char* name);
// The same for a struct that has grown: `least` is what the first release had, and the rest may be left out.
int32_t front_read_grown(void* ours, size_t size, size_t least, const void* theirs, const char* name);
// The size of a struct that is written; at least `least`.
int32_t front_writable(const void* theirs, size_t least, const char* name);
// Has an operation fill a struct of the caller, pointers[0]; it is written where that succeeds alone.
int32_t front_fill(const void* handle, enum kind, enum operation, void* theirs, size_t size, const char* name);
// The same, of the thing at a position.
int32_t front_fill_at(const void* handle, enum kind, enum operation, int64_t position, void* theirs, size_t size,
                      const char* name);
int32_t front_utf8(const char* text, const char* name);
// Texts that must be there, and lists of them.
int32_t front_text(const char* text, const char* name);
int32_t front_texts(const char* const* texts, uint32_t count, const char* name);
// Refuses bits that are not among those that are known; none are for a reserved field.
int32_t front_unknown(uint32_t bits, uint32_t known, const char* name);
int32_t front_image(int32_t channels, int32_t rows, int32_t columns);
// Checks the size that an init function is given.
int32_t front_init(void* options, size_t size, size_t least, const char* name);

#define LUR_TRY(expression)                                                                                            \
    do {                                                                                                               \
        const int32_t code_ = (expression);                                                                            \
        if (code_) return code_;                                                                                       \
    } while (0)
