using System.Text;
using Lur.Device;

namespace Lur.Native.Exports;

/// <summary>Device memory that the caller's functions give. The count of callbacks is not zero while one runs, and stays so when
/// one does not return.</summary>
/// <param name="options">Holds the functions.</param>
/// <param name="callbacks">The count.</param>
internal sealed unsafe class CallerMemory(SessionOptions options, int* callbacks) : IDeviceAllocator
{
    /// <inheritdoc/>
    public ulong Allocate(long bytes, int alignment)
    {
        ++*callbacks;
        var address = options.Allocate(options.AllocatorUser, (ulong)bytes, (ulong)alignment);
        --*callbacks;
        return address;
    }

    /// <inheritdoc/>
    public void Release(ulong address, long bytes)
    {
        ++*callbacks;
        options.Release(options.AllocatorUser, address, (ulong)bytes);
        --*callbacks;
    }
}

/// <summary>The log of a session; silent without a function of the caller.</summary>
/// <param name="options">Holds the function.</param>
/// <param name="callbacks">The count, as for <see cref="CallerMemory"/>.</param>
internal sealed unsafe class SessionLog(SessionOptions options, int* callbacks)
{
    private const int Warning = 1,
        Information = 2;

    /// <summary>Something is not as it should be, and the work goes on.</summary>
    public void Warn(string text) => Write(Warning, text);

    /// <summary>What is being done.</summary>
    public void Inform(string text) => Write(Information, text);

    private void Write(int level, string text)
    {
        if (options.Log is null || level > options.LogLevel)
            return;
        var bytes = new byte[Encoding.UTF8.GetByteCount(text) + 1];
        _ = Encoding.UTF8.GetBytes(text, bytes);
        fixed (byte* line = bytes)
        {
            ++*callbacks;
            options.Log(options.LogUser, level, line);
            --*callbacks;
        }
    }
}
