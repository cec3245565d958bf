// The runtime's start, errors, and the table of handles. Nothing happens when the library is loaded.
#include "front.h"
#include <dlfcn.h>
#include <limits.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---- errors ---------------------------------------------------------------------------------------------------------

static __thread char last_text[4096];
static __thread int32_t last_native;

int32_t front_fail(int32_t code, const char* format, ...) {
    va_list a;
    va_start(a, format);
    vsnprintf(last_text, sizeof last_text, format, a);
    va_end(a);
    last_native = 0;
    return code;
}

static size_t copy_text(const char* text, char* buffer, size_t capacity) {
    const size_t length = strlen(text);
    if (!buffer || !capacity) return length;
    size_t n = length < capacity ? length : capacity - 1;
    while (n < length && n > 0 && ((unsigned char)text[n] & 0xC0) == 0x80) n--; // no half of a character
    memcpy(buffer, text, n);
    buffer[n] = 0;
    return length;
}

LUR_EXPORT size_t lur_error_text(char* buffer, size_t capacity) { return copy_text(last_text, buffer, capacity); }
LUR_EXPORT int32_t lur_error_native(void) { return last_native; }
LUR_EXPORT int32_t lur_api_version(void) { return LUR_API_VERSION; }

#define TEXT_OF(number) #number
#define VERSION_OF(number) TEXT_OF(number)
LUR_EXPORT const char* lur_version(void) { return VERSION_OF(LUR_VERSION_NUMBER); }

// ---- managed code ---------------------------------------------------------------------------------------------------

// What managed code says of a failure: Exports/Failure.cs has the same fields.
struct failure {
    char* text;
    int32_t capacity;
    int32_t native;
};
// The only export of the managed part. It catches everything.
extern int32_t lur__call(int32_t operation, intptr_t self, const struct arguments*, struct failure*);

int32_t front_managed(enum operation operation, intptr_t self, const struct arguments* arguments) {
    struct failure failure = {last_text, (int32_t)sizeof last_text, 0};
    const int32_t code = lur__call(operation, self, arguments, &failure);
    if (code) last_native = failure.native;
    return code;
}

static pthread_mutex_t start_lock = PTHREAD_MUTEX_INITIALIZER;
static _Atomic bool started, forked;
static int32_t jumped; // a session did not come back from a callback, or was called by one

bool front_forked(void) { return forked; }

static void in_child(void) {
    if (started) forked = true;
}

static int32_t start_runtime(void) {
    static bool watching;
    if (!watching && pthread_atfork(NULL, NULL, in_child))
        return front_fail(LUR_ERROR_MEMORY, "There is no memory left to watch for forks.");
    watching = true;
    Dl_info own;
    char folder[PATH_MAX];
    if (!dladdr((void*)&front_start, &own) || !realpath(own.dli_fname, folder))
        return front_fail(LUR_ERROR_FILE, "The library cannot find its own file.");
    front_signals_before();
    const struct arguments arguments = {
        {folder, (const void*)(uintptr_t)front_copy, (const void*)(uintptr_t)front_put, &jumped}, 0, 0};
    const int32_t code = front_managed(OP_START, 0, &arguments);
    front_signals_after();
    if (!code) started = true;
    return code;
}

int32_t front_start(void) {
    if (forked)
        return front_fail(LUR_ERROR_FORKED, "This process is a child of one that used Lur: its threads are not here. "
                                            "Use Lur in the parent, or start a program with exec.");
    if (started) return LUR_OK;
    pthread_mutex_lock(&start_lock);
    const int32_t code = started ? LUR_OK : start_runtime();
    pthread_mutex_unlock(&start_lock);
    return code;
}

LUR_EXPORT size_t lur_doctor(char* buffer, size_t capacity) {
    if (front_start()) return 0;
    static __thread char text[1 << 14];
    text[0] = 0;
    const struct arguments arguments = {{text}, sizeof text, 0};
    if (front_managed(OP_DOCTOR, 0, &arguments)) return 0;
    return copy_text(text, buffer, capacity);
}

// ---- handles --------------------------------------------------------------------------------------------------------

// A handle is a number that no pointer has: mark, kind, generation, position in the table, two zero bits.
#define MARK 0x4Cull
#define BLOCK 256
#define BLOCKS 1024
static struct slot* _Atomic blocks[BLOCKS];
static pthread_mutex_t table_lock = PTHREAD_MUTEX_INITIALIZER;
static struct slot* vacant;
static _Atomic uint32_t used;

static void* handle_of(const struct slot* s) {
    return (void*)(uintptr_t)(MARK << 56 | (uint64_t)s->kind << 52 | (uint64_t)(s->generation & 0xFFFFFF) << 28 |
                              (uint64_t)(s->index + 1) << 2);
}

struct slot* front_find(const void* handle, enum kind kind) {
    const uint64_t bits = (uint64_t)(uintptr_t)handle;
    const uint64_t index = (bits >> 2 & 0x3FFFFFF) - 1;
    if (bits >> 56 != MARK || (bits >> 52 & 15) != (uint64_t)kind || index >= (uint64_t)BLOCK * BLOCKS) return NULL;
    struct slot* const block = atomic_load_explicit(&blocks[index / BLOCK], memory_order_acquire);
    if (!block) return NULL;
    struct slot* const s = block + index % BLOCK;
    return s->generation & 1 && handle_of(s) == handle ? s : NULL;
}

int32_t front_no_handle(const void* handle, enum kind kind) {
    static const char* const names[] = {"", "session", "step", "job", "model"};
    const char* const name = names[kind];
    if (!handle) return front_fail(LUR_ERROR_ARGUMENT, "The %s is null.", name);
    return front_fail(LUR_ERROR_HANDLE, "The handle %p is no live %s: it was destroyed, or never was one.", handle,
                      name);
}

int32_t front_enter(const void* handle, enum kind kind, struct slot** self) {
    if (forked) return front_start();
    struct slot* const s = front_find(handle, kind);
    if (!s) return front_no_handle(handle, kind);
    struct slot* const session = s->session;
    int32_t free = 0;
    if (!atomic_compare_exchange_strong(&session->busy, &free, 1)) {
        if (session->callbacks && pthread_equal(session->owner, pthread_self())) {
            // Frames of managed code that were jumped over are still on the runtime's list: a collection would go
            // through them.
            jumped = 1;
            return front_fail(LUR_ERROR_STATE,
                              "A callback of the session called it, or did not return: after an exception or a "
                              "longjmp through Lur the session can no longer be used.");
        }
        return front_fail(LUR_ERROR_THREAD,
                          "Another thread is in a call of the session; a session belongs to one thread at a time.");
    }
    session->owner = pthread_self();
    // Between look-up and claim another thread may have destroyed it.
    if (front_find(handle, kind) == s) {
        *self = s;
        return LUR_OK;
    }
    front_leave(s);
    return front_no_handle(handle, kind);
}

void front_leave(struct slot* self) { atomic_store_explicit(&self->session->busy, 0, memory_order_release); }

int32_t front_call(const void* handle, enum kind kind, enum operation operation, const struct arguments* arguments) {
    struct slot* s;
    LUR_TRY(front_enter(handle, kind, &s));
    const int32_t code = front_managed(operation, s->managed, arguments);
    front_leave(s);
    return code;
}

int32_t front_add(enum kind kind, struct slot* session, struct slot** made) {
    pthread_mutex_lock(&table_lock);
    struct slot* s = vacant;
    if (s) {
        vacant = s->next;
    } else if (used < BLOCK * BLOCKS) {
        struct slot* block = blocks[used / BLOCK];
        if (!block && (block = calloc(BLOCK, sizeof *block)))
            atomic_store_explicit(&blocks[used / BLOCK], block, memory_order_release);
        if (block) {
            s = block + used % BLOCK;
            s->index = used++;
        }
    }
    pthread_mutex_unlock(&table_lock);
    if (!s) return front_fail(LUR_ERROR_MEMORY, "There is no room for another handle; destroy some.");
    s->kind = kind;
    s->session = session ? session : s;
    s->managed = 0;
    s->callbacks = 0;
    s->cancelled = 0;
    s->running = 0;
    free(atomic_exchange(&s->checkpoint, NULL));
    if (!session) {
        s->owner = pthread_self();
        s->busy = 1;
    }
    *made = s;
    return LUR_OK;
}

void* front_publish(struct slot* s) {
    s->generation++;
    return handle_of(s);
}

void front_remove(struct slot* s) {
    if (s->generation & 1) s->generation++;
    if (s->session == s) front_leave(s);
    pthread_mutex_lock(&table_lock);
    s->next = vacant;
    vacant = s;
    pthread_mutex_unlock(&table_lock);
}

void front_remove_all(struct slot* session) {
    for (uint32_t i = 0; i < used; i++) {
        struct slot* const s = blocks[i / BLOCK] + i % BLOCK;
        if (s->generation & 1 && s != session && s->session == session) front_remove(s);
    }
    front_remove(session);
}

int32_t front_create(const void* session, enum kind kind, enum operation operation, struct arguments arguments,
                     void** made) {
    struct slot *s, *fresh;
    LUR_TRY(front_enter(session, KIND_SESSION, &s));
    int32_t code = front_add(kind, s, &fresh);
    if (!code) {
        arguments.pointers[2] = &fresh->managed;
        arguments.pointers[4] = &fresh->checkpoint;
        if (arguments.pointers[3]) code = front_weights(s, arguments.pointers[3], &arguments.pointers[3]);
        if (!code) code = front_managed(operation, s->managed, &arguments);
        if (code)
            front_remove(fresh);
        else
            *made = front_publish(fresh);
    }
    front_leave(s);
    return code;
}

int32_t front_weights(const struct slot* session, const void* handle, const void** managed) {
    *managed = NULL;
    if (!handle) return LUR_OK;
    const struct slot* const s = front_find(handle, KIND_MODEL);
    if (!s) return front_no_handle(handle, KIND_MODEL);
    if (s->session != session)
        return front_fail(LUR_ERROR_ARGUMENT, "weights is a model of another session; open it in this one.");
    *managed = (const void*)s->managed;
    return LUR_OK;
}

int32_t front_destroy(const void* handle, enum kind kind, enum operation operation) {
    struct slot* s;
    LUR_TRY(front_enter(handle, kind, &s));
    struct slot* const session = s->session;
    const struct arguments none = {{0}, 0, 0};
    const int32_t code = front_managed(operation, s->managed, &none);
    front_remove(s);
    front_leave(session);
    return code;
}

// ---- arguments ------------------------------------------------------------------------------------------------------

int32_t front_writable(const void* theirs, size_t least, const char* name) {
    if (!theirs) return front_fail(LUR_ERROR_ARGUMENT, "%s is null.", name);
    const uint32_t size = *(const uint32_t*)theirs;
    if (size >= least) return LUR_OK;
    return front_fail(
        LUR_ERROR_SIZE,
        "%s says that it has %u bytes and needs %zu: set its size, which an init function does where there is one.",
        name, size, least);
}

int32_t front_read(void* ours, size_t size, const void* theirs, const char* name) {
    return front_read_grown(ours, size, size, theirs, name);
}

int32_t front_read_grown(void* ours, size_t size, size_t least, const void* theirs, const char* name) {
    LUR_TRY(front_writable(theirs, least, name));
    const uint32_t given = *(const uint32_t*)theirs;
    for (size_t i = size; i < given; i++)
        if (((const char*)theirs)[i])
            return front_fail(LUR_ERROR_NEWER_OPTION,
                              "%s sets a field at byte %zu, which this version of Lur (%s) does not know.", name, i,
                              lur_version());
    memcpy(ours, theirs, given < size ? given : size);
    return LUR_OK;
}

int32_t front_fill(const void* handle, enum kind kind, enum operation operation, void* theirs, size_t size,
                   const char* name) {
    return front_fill_at(handle, kind, operation, 0, theirs, size, name);
}

int32_t front_fill_at(const void* handle, enum kind kind, enum operation operation, int64_t position, void* theirs,
                      size_t size, const char* name) {
    _Alignas(max_align_t) char ours[512] = {0};
    _Static_assert(sizeof(lur_device_info) <= sizeof ours && sizeof(lur_telemetry) <= sizeof ours &&
                       sizeof(lur_model_info) <= sizeof ours && sizeof(lur_tensor_info) <= sizeof ours,
                   "the largest struct");
    LUR_TRY(front_writable(theirs, size, name));
    memcpy(ours, theirs, sizeof(uint32_t)); // how many bytes the caller knows
    const struct arguments arguments = {{ours}, position, 0};
    LUR_TRY(front_call(handle, kind, operation, &arguments));
    memcpy(theirs, ours, size);
    return LUR_OK;
}

int32_t front_utf8(const char* text, const char* name) {
    for (const unsigned char* p = (const unsigned char*)text; p && *p;) {
        const int more = *p < 0x80             ? 0
                         : (*p & 0xE0) == 0xC0 ? 1
                         : (*p & 0xF0) == 0xE0 ? 2
                         : (*p & 0xF8) == 0xF0 ? 3
                                               : -1;
        bool good = more >= 0 && *p != 0xC0 && *p != 0xC1 && *p < 0xF5;
        for (int i = 1; good && i <= more; i++) good = (p[i] & 0xC0) == 0x80;
        if (good && more == 2) good = !(p[0] == 0xE0 && p[1] < 0xA0) && !(p[0] == 0xED && p[1] > 0x9F);
        if (good && more == 3) good = !(p[0] == 0xF0 && p[1] < 0x90) && !(p[0] == 0xF4 && p[1] > 0x8F);
        if (!good)
            return front_fail(LUR_ERROR_ARGUMENT, "%s is not UTF-8 at byte %d.", name, (int)((const char*)p - text));
        p += more + 1;
    }
    return LUR_OK;
}

int32_t front_text(const char* text, const char* name) {
    if (!text || !*text) return front_fail(LUR_ERROR_ARGUMENT, "%s is %s.", name, text ? "empty" : "null");
    return front_utf8(text, name);
}

int32_t front_texts(const char* const* texts, uint32_t count, const char* name) {
    if (count > 1 << 20) return front_fail(LUR_ERROR_SIZE, "%s has %u texts; %d is the most.", name, count, 1 << 20);
    if (count && !texts) return front_fail(LUR_ERROR_ARGUMENT, "%s has %u texts, and is null.", name, count);
    for (uint32_t i = 0; i < count; i++) {
        char element[32];
        snprintf(element, sizeof element, "%s[%u]", name, i);
        LUR_TRY(front_text(texts[i], element));
    }
    return LUR_OK;
}

int32_t front_init(void* options, size_t size, size_t least, const char* name) {
    if (!options) return front_fail(LUR_ERROR_ARGUMENT, "options is null.");
    if (size < least || size > UINT32_MAX)
        return front_fail(LUR_ERROR_SIZE, "A %s has %zu bytes, and not %zu.", name, least, size);
    memset(options, 0, size);
    *(uint32_t*)options = (uint32_t)size;
    return LUR_OK;
}

int32_t front_unknown(uint32_t bits, uint32_t known, const char* name) {
    if (!(bits & ~known)) return LUR_OK;
    return front_fail(LUR_ERROR_NEWER_OPTION, "%s is 0x%x and holds bits that this version of Lur does not know.", name,
                      bits);
}

int32_t front_image(int32_t channels, int32_t rows, int32_t columns) {
    if (channels != 1 && channels != 3)
        return front_fail(LUR_ERROR_ARGUMENT, "channels is %d; images have 1 or 3.", channels);
    if (rows < 1 || columns < 1 || rows > 1 << 14 || columns > 1 << 14)
        return front_fail(LUR_ERROR_SIZE, "rows and columns are %d and %d; they must be within 1 and %d.", rows,
                          columns, 1 << 14);
    return LUR_OK;
}
