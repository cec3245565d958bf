using System.Text;

namespace Lur.Device;

/// <summary>A parameter of a kernel, as the .cu file declares it.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">Element or scalar type, for example <c>real</c> or <c>unsigned long long</c>.</param>
/// <param name="IsPointer">Whether it is a pointer to that type.</param>
/// <param name="IsConst">Whether it is read only.</param>
/// <param name="IsRestrict">Whether no other argument may be the same buffer, unless both are only read.</param>
public sealed record KernelParameter(string Name, string Type, bool IsPointer, bool IsConst, bool IsRestrict);

/// <summary>A kernel.</summary>
/// <param name="Name">Its native name.</param>
/// <param name="Cooperative">Whether it is marked COOPERATIVE: uses barriers, shuffles or shared memory.</param>
/// <param name="Parameters">Its parameters in order.</param>
public sealed record KernelInfo(string Name, bool Cooperative, IReadOnlyList<KernelParameter> Parameters);

/// <summary>A file of kernels.</summary>
/// <param name="Path">Path below the kernels folder, with forward slashes.</param>
/// <param name="Kernels">Its kernels in order.</param>
public sealed record KernelFile(string Path, IReadOnlyList<KernelInfo> Kernels)
{
    /// <summary>Whether it uses what only a GPU has; such files have a substitute elsewhere.</summary>
    public bool GpuOnly => Path.StartsWith("gpu/", StringComparison.Ordinal);

    /// <summary>Whether a device can run it: what only a GPU has came with compute capability 8.0, and the host driver's fibers (1 and
    /// 2) have it too.</summary>
    public bool RunsOn(Version computeCapability)
    {
        ArgumentNullException.ThrowIfNull(computeCapability);
        return !GpuOnly || computeCapability.Major is 1 or 2 or >= 8;
    }
}

/// <summary>What the generator read from kernels/*.cu.</summary>
public static partial class KernelCatalog
{
    /// <summary>Every kernels/*.cu file this assembly was built with.</summary>
    public static IReadOnlyList<KernelFile> Files { get; } = Read(Encoding.UTF8.GetString(Table));

    // A line with a slash begins a file; a kernel is its name, 1 for a cooperative one, and three fields a parameter.
    private static List<KernelFile> Read(string table)
    {
        var files = new List<KernelFile>();
        List<KernelInfo> kernels = [];
        foreach (var line in table.Split('\n'))
        {
            if (line.StartsWith('/'))
            {
                kernels = [];
                files.Add(new KernelFile(line[1..], kernels));
                continue;
            }

            var fields = line.Split(',');
            var parameters = new KernelParameter[(fields.Length - 2) / 3];
            for (var i = 0; i < parameters.Length; i++)
            {
                var flags = fields[(3 * i) + 4][0] - '0';
                parameters[i] = new(fields[(3 * i) + 2], fields[(3 * i) + 3], (flags & 1) != 0, (flags & 2) != 0, (flags & 4) != 0);
            }

            kernels.Add(new KernelInfo(fields[0], fields[1] == "1", parameters));
        }

        return files;
    }
}
