using System.Collections.Concurrent;

namespace Lur.Tests.Hosting;

/// <summary>Calls what is posted at once, on the thread that posts: the thread of the job. Tests stop a job at a step with it.</summary>
internal sealed class InlineContext : SynchronizationContext
{
    public override void Post(SendOrPostCallback d, object? state) => d(state);
}

/// <summary>Calls what is posted on one thread of its own, as a user interface does.</summary>
internal sealed class PumpContext : SynchronizationContext, IDisposable
{
    private readonly BlockingCollection<(SendOrPostCallback Call, object? State)> _posted = [];
    private readonly Thread _thread;

    public PumpContext()
    {
        _thread = new Thread(() =>
        {
            foreach (var (call, state) in _posted.GetConsumingEnumerable())
                call(state);
        });
        _thread.Start();
    }

    public int ThreadId => _thread.ManagedThreadId;

    public override void Post(SendOrPostCallback d, object? state) => _posted.Add((d, state));

    /// <summary>Waits for what was posted.</summary>
    public void Dispose()
    {
        _posted.CompleteAdding();
        _thread.Join();
        _posted.Dispose();
    }
}

/// <summary>A listener made of a function; unlike <see cref="Progress{T}"/> it posts nothing itself.</summary>
internal sealed class Listener<T>(Action<T> hear) : IProgress<T>
{
    public void Report(T value) => hear(value);
}

/// <summary>Makes a context the current one until it is disposed of.</summary>
internal sealed class CurrentContext : IDisposable
{
    private readonly SynchronizationContext? _before = SynchronizationContext.Current;

    public CurrentContext(SynchronizationContext? context) => SynchronizationContext.SetSynchronizationContext(context);

    public void Dispose() => SynchronizationContext.SetSynchronizationContext(_before);
}
