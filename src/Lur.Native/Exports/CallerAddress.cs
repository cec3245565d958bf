namespace Lur.Native.Exports;

/// <summary>Memory that a callback of the caller names by its address.</summary>
internal static unsafe class CallerAddress
{
    /// <summary>The front's front_copy, which tells what is no memory; null where there is no front.</summary>
    public static delegate* unmanaged<void*, ulong, ulong, int> Copy { get; set; }

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
