using Lur.Device;

namespace Lur.Tasks;

/// <summary>Reading what a program has left on the device.</summary>
internal static class HostCopy
{
    /// <summary>Waits, and copies a real value to the host, as double whatever the precision.</summary>
    public static double[] Of(Program program, Value value) => Of(program, value, value.Shape.Count);

    /// <summary>The same of its first elements.</summary>
    public static double[] Of(Program program, Value value, int count)
    {
        var wide = new double[count];
        if (program.Precision == Precision.Float64)
        {
            program.Device.Download(wide.AsSpan(), value.Pointer);
            return wide;
        }

        var narrow = new float[wide.Length];
        program.Device.Download(narrow.AsSpan(), value.Pointer);
        return Array.ConvertAll(narrow, x => (double)x);
    }
}
