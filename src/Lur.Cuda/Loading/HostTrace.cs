using System.Runtime.InteropServices;
using System.Text;

namespace Lur.Cuda.Loading;

/// <summary>What the host driver traced of kernel launches; only a device with its check <c>trace</c> has any.</summary>
public static unsafe class HostTrace
{
    /// <summary>Gives the host driver its devices in place of the environment variable LUR_HOST_DEVICES.</summary>
    /// <param name="devices">In the variable's words, for example <c>fiber:trace</c>.</param>
    /// <returns>False when its devices are in use already, and stay as they are.</returns>
    /// <exception cref="CudaLibraryException">The host driver does not serve this process.</exception>
    public static bool Configure(string devices)
    {
        ArgumentNullException.ThrowIfNull(devices);
        fixed (byte* text = Encoding.UTF8.GetBytes(devices + '\0'))
            return ((delegate* unmanaged<byte*, int>)Export("lurHostSetDevices"))(text) == 0;
    }

    /// <summary>Everything since the last <see cref="Clear"/>: a JSON array, an object for each kernel and shape of launch.</summary>
    /// <exception cref="CudaLibraryException">The host driver does not serve this process.</exception>
    public static string Read()
    {
        var read = (delegate* unmanaged<byte*, nuint, nuint>)Export("lurHostTrace");
        var buffer = new byte[(int)read(null, 0) + 1];
        fixed (byte* text = buffer)
            _ = read(text, (nuint)buffer.Length);
        return Encoding.UTF8.GetString(buffer.AsSpan(0, buffer.Length - 1));
    }

    /// <summary>Forgets what was traced.</summary>
    /// <exception cref="CudaLibraryException">The host driver does not serve this process.</exception>
    public static void Clear() => ((delegate* unmanaged<void>)Export("lurHostTraceClear"))();

    private static IntPtr Export(string name)
    {
        var choice = NativeLibraries.Chosen;
        if (!choice.IsHost || choice.Library is null)
            throw new CudaLibraryException($"Kernels are traced by the host driver, which does not serve here: {choice.Reason}.");
        return NativeLibrary.GetExport(choice.Library.Handle, name);
    }
}
