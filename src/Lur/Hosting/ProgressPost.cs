namespace Lur.Hosting;

/// <summary>Posts reports of progress and never waits for whoever hears them: to the synchronisation context of the caller, or to the
/// thread pool, one after the other, in their order.</summary>
/// <param name="progress">Who hears them.</param>
/// <param name="context">The caller's context; null for none.</param>
/// <param name="failed">Told of a report that threw on the pool, where nobody else would be, and of one that could not be posted.</param>
/// <typeparam name="T">What is reported.</typeparam>
internal sealed class ProgressPost<T>(IProgress<T> progress, SynchronizationContext? context, Action<Exception> failed)
{
    private readonly Queue<T> _waiting = [];
    private bool _draining;

    /// <summary>Posts a report.</summary>
    public void Post(T value)
    {
        if (context is not null)
        {
            try
            {
                context.Post(_ => progress.Report(value), null);
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                // A context that is gone, as after its window was closed, ends no job.
                failed(e);
            }

            return;
        }

        lock (_waiting)
        {
            _waiting.Enqueue(value);
            if (_draining)
                return;
            _draining = true;
        }

        ThreadPool.UnsafeQueueUserWorkItem(static post => post.Drain(), this, preferLocal: false);
    }

    private void Drain()
    {
        while (true)
        {
            T value;
            lock (_waiting)
            {
                _draining = _waiting.TryDequeue(out var next);
                if (!_draining)
                    return;
                value = next!;
            }

            try
            {
                progress.Report(value);
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                failed(e);
            }
        }
    }
}
