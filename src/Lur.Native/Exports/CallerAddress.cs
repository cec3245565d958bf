namespace Lur.Native.Exports;

/// <summary>Memory that the caller names by its address. Managed code touches it here only: a fault there ends the process with a line
/// on standard error, past every handler of the program.</summary>
internal static unsafe class CallerAddress
{
    /// <summary>The front's front_copy, which tells what is no memory; null where there is no front.</summary>
    public static delegate* unmanaged<void*, ulong, ulong, int> Copy { get; set; }

    /// <summary>Not 0 once a callback may have been jumped out of, over frames of managed code; null where there is no front.</summary>
    public static int* Jumped { get; set; }

    /// <summary>The front's front_put, the same the other way.</summary>
    public static delegate* unmanaged<ulong, void*, ulong, int> Put { get; set; }

    /// <summary>Copies to where an address points to.</summary>
    /// <returns>False where it cannot be written.</returns>
    public static bool TryWrite<T>(ulong address, ReadOnlySpan<T> source)
        where T : unmanaged
    {
        fixed (T* from = source)
        {
            if (Put is not null)
                return Put(address, from, (ulong)source.Length * (ulong)sizeof(T)) != 0;
            source.CopyTo(new Span<T>((void*)address, source.Length));
            return true;
        }
    }

    /// <summary>Copies what an address points to.</summary>
    /// <returns>False where it cannot be read.</returns>
    public static bool TryRead<T>(ulong address, Span<T> target)
        where T : unmanaged
    {
        fixed (T* to = target)
        {
            if (Copy is not null)
                return Copy(to, address, (ulong)target.Length * (ulong)sizeof(T)) != 0;
            new ReadOnlySpan<T>((void*)address, target.Length).CopyTo(target);
            return true;
        }
    }
}
