namespace Lur.Programs;

/// <summary>The one owner of everything a step, a method or a run holds: freed together, last made first. A constructor that
/// throws frees what it had made, through <see cref="Construct"/>.</summary>
public sealed class Resources : IDisposable
{
    private readonly Stack<IDisposable> _owned = new();

    /// <summary>Takes ownership.</summary>
    /// <returns>The resource.</returns>
    public T Own<T>(T resource)
        where T : IDisposable
    {
        _owned.Push(resource);
        return resource;
    }

    /// <summary>Guards a constructor: unless <see cref="Construction.Complete"/> is called, disposing the guard frees all that
    /// is owned.</summary>
    public Construction Construct() => new(this);

    /// <summary>Frees everything, last made first.</summary>
    public void Dispose()
    {
        while (_owned.TryPop(out var resource))
            resource.Dispose();
    }

    /// <summary>The guard of a constructor.</summary>
    public ref struct Construction
    {
        private Resources? _resources;

        internal Construction(Resources resources) => _resources = resources;

        /// <summary>The constructor has come to its end: what it made stays.</summary>
        public void Complete() => _resources = null;

        /// <summary>Frees what was made, unless the constructor is complete.</summary>
        public readonly void Dispose() => _resources?.Dispose();
    }
}
