// The functions of a session.
#include "front.h"
#include <string.h>

LUR_EXPORT int32_t lur_session_options_init(lur_session_options* options, size_t size) {
    LUR_TRY(front_init(options, size, sizeof *options, "lur_session_options"));
    options->log_level = LUR_LOG_WARNING;
    return LUR_OK;
}

static int32_t check_options(const lur_session_options* o) {
    if (o->device_kind < LUR_DEVICE_AUTO || o->device_kind > LUR_DEVICE_HOST)
        return front_fail(LUR_ERROR_ARGUMENT, "device_kind is %d, which is none of LUR_DEVICE_*.", o->device_kind);
    if (o->ordinal < 0)
        return front_fail(LUR_ERROR_NO_DEVICE, "ordinal is %d; devices are counted from 0.", o->ordinal);
    if (o->threads < 0 || o->threads > 1024)
        return front_fail(LUR_ERROR_ARGUMENT, "threads is %d; it must be within 0 and 1024.", o->threads);
    if ((uintptr_t)o->stream == 1 || (uintptr_t)o->stream == 2)
        return front_fail(LUR_ERROR_ARGUMENT,
                          "stream is a default stream, which cannot be captured and waits for others: make one "
                          "with cuStreamCreate and CU_STREAM_NON_BLOCKING, or leave it null.");
    if (o->stream && !o->context)
        return front_fail(LUR_ERROR_ARGUMENT,
                          "There is a stream and no context: name the context that the stream belongs to.");
    if (!o->allocate != !o->release)
        return front_fail(LUR_ERROR_ARGUMENT, "allocate and release go together: one of them is null.");
    if (o->log_level < LUR_LOG_WARNING || o->log_level > LUR_LOG_INFO)
        return front_fail(LUR_ERROR_ARGUMENT, "log_level is %d, which is none of LUR_LOG_*.", o->log_level);
    LUR_TRY(front_unknown(o->flags, LUR_FLAG_NO_COMPILE | LUR_FLAG_IGNORE_ENVIRONMENT | LUR_FLAG_NO_CACHE, "flags"));
    LUR_TRY(front_utf8(o->cache_folder, "cache_folder"));
    return front_utf8(o->kernel_folder, "kernel_folder");
}

LUR_EXPORT int32_t lur_open(const lur_session_options* options, lur_session** session) {
    if (!session) return front_fail(LUR_ERROR_ARGUMENT, "session is null.");
    *session = NULL;
    lur_session_options ours;
    lur_session_options_init(&ours, sizeof ours);
    if (options) LUR_TRY(front_read(&ours, sizeof ours, options, "options"));
    LUR_TRY(check_options(&ours));
    LUR_TRY(front_start());
    struct slot* s;
    LUR_TRY(front_add(KIND_SESSION, NULL, &s));
    const struct arguments arguments = {{&ours, &s->managed, &s->callbacks, &s->cancelled}, 0, 0};
    const int32_t code = front_managed(OP_OPEN, 0, &arguments);
    if (code) {
        front_remove(s);
        return code;
    }
    *session = front_publish(s);
    front_leave(s);
    return LUR_OK;
}

LUR_EXPORT int32_t lur_close(lur_session* session) {
    struct slot* s;
    LUR_TRY(front_enter(session, KIND_SESSION, &s));
    const struct arguments none = {{0}, 0, 0};
    const int32_t code = front_managed(OP_CLOSE, s->managed, &none);
    front_remove_all(s);
    return code;
}

LUR_EXPORT int32_t lur_cancel(lur_session* session) {
    struct slot* const s = front_find(session, KIND_SESSION);
    if (!s) return session ? LUR_ERROR_HANDLE : LUR_ERROR_ARGUMENT;
    s->cancelled = 1;
    return LUR_OK;
}

LUR_EXPORT int32_t lur_wait(lur_session* session) {
    const struct arguments none = {{0}, 0, 0};
    return front_call(session, KIND_SESSION, OP_WAIT, &none);
}

LUR_EXPORT int32_t lur_device_info_get(lur_session* session, lur_device_info* info) {
    return front_fill(session, KIND_SESSION, OP_DEVICE_INFO, info, sizeof *info, "info");
}

LUR_EXPORT int32_t lur_precompile(lur_session* session, int32_t dtype) {
    if (dtype != LUR_F32 && dtype != LUR_F64)
        return front_fail(LUR_ERROR_ARGUMENT, "dtype is %d, which is none of LUR_F32 and LUR_F64.", dtype);
    const struct arguments arguments = {{0}, dtype, 0};
    return front_call(session, KIND_SESSION, OP_PRECOMPILE, &arguments);
}
