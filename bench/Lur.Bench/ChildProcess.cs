using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace Lur.Bench;

/// <summary>What a child measured.</summary>
/// <param name="Milliseconds">Time of each repeat.</param>
/// <param name="PeakBytes">Peak resident set of the process.</param>
/// <param name="DeviceBytes">Peak of the device's memory; the host driver's device lies within the resident set.</param>
internal sealed record ChildResult(double[] Milliseconds, double PeakBytes, double DeviceBytes);

/// <summary>Programs that measure in a process of their own, so that the peak of memory is theirs alone.</summary>
internal static class ChildProcess
{
    /// <summary>Starts this program to time a step.</summary>
    /// <exception cref="InvalidOperationException">It failed; what it printed is above.</exception>
    public static ChildResult Time(string model, int batch, StepVariant variant, int repeats)
    {
        var line =
            Start(Environment.ProcessPath!, Own("peer-step", model, Text(batch), variant.Name, Text(repeats)))
            ?? throw new InvalidOperationException($"The process that times '{variant.Title}' failed.");
        using var result = JsonDocument.Parse(line);
        var e = result.RootElement;
        return new ChildResult(
            [.. e.GetProperty("ms").EnumerateArray().Select(x => x.GetDouble())],
            e.GetProperty("peak_rss_bytes").GetDouble(),
            e.GetProperty("device_bytes").GetDouble()
        );
    }

    /// <summary>The child: times a step and prints one line of JSON. The peak is read before the check, which copies weights.</summary>
    public static int Run(string model, int batch, StepVariant variant, int repeats)
    {
        using var method = new TimedMethod(model, batch, variant);
        var ms = new double[repeats];
        for (var i = -1; i < repeats; i++)
        {
            var start = Stopwatch.GetTimestamp();
            method.Run();
            if (i >= 0)
                ms[i] = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        }

        var (peak, device) = (Process.GetCurrentProcess().PeakWorkingSet64, method.DeviceBytes);
        method.Verify();
        Console.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"{{\"ms\": [{string.Join(", ", ms.Select(x => x.ToString("F3", CultureInfo.InvariantCulture)))}], "
                    + $"\"peak_rss_bytes\": {peak}, \"device_bytes\": {device}}}"
            )
        );
        return 0;
    }

    /// <summary>Arguments that start this program. Under `dotnet Lur.Bench.dll` the process is dotnet itself.</summary>
    public static string[] Own(params string[] arguments) =>
        Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet"
            ? [typeof(ChildProcess).Assembly.Location, .. arguments]
            : arguments;

    /// <summary>Last line a program prints, or null when it fails.</summary>
    /// <param name="program">What is started.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="variables">Variables of its environment beside those of this process, or null.</param>
    public static string? Start(string program, string[] arguments, IReadOnlyDictionary<string, string>? variables = null)
    {
        try
        {
            var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true };
            foreach (var (name, value) in variables ?? new Dictionary<string, string>())
                start.Environment[name] = value;
            using var process = Process.Start(start)!;
            var output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode == 0 ? output.Trim().Split('\n')[^1] : null;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return null;
        }
    }

    /// <summary>The machine, for files of results.</summary>
    public static string Machine =>
        $"{Environment.ProcessorCount} threads, {System.Runtime.InteropServices.RuntimeInformation.OSDescription}";

    /// <summary>Median.</summary>
    public static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return sorted[sorted.Length / 2];
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
