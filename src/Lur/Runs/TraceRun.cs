using System.Globalization;
using Lur.Data;
using Lur.Device;
using Lur.Models;
using Lur.Unlearning;

namespace Lur.Runs;

/// <summary>Traces one step of a method on a device of the host driver that traces: its kernels at the shapes that a model gives them, on
/// generated images. What the step computes is void.</summary>
public static class TraceRun
{
    /// <summary>Makes the step.</summary>
    /// <param name="device">Of <see cref="KernelTrace.OpenDevice"/>.</param>
    /// <param name="architecture">Model, for images of 32x32 in 3 channels and ten classes.</param>
    /// <param name="batch">Images of a batch.</param>
    /// <param name="method">Method; its preparations are not made.</param>
    /// <param name="options">Its options by name.</param>
    /// <returns>Traces in order of kernel and shape.</returns>
    /// <exception cref="UserErrorException">The architecture or the method is not known.</exception>
    public static IReadOnlyList<KernelTrace> Step(
        ComputeDevice device,
        string architecture,
        int batch,
        string method = "lur",
        params ReadOnlySpan<(string Name, string Text)> options
    )
    {
        ArgumentNullException.ThrowIfNull(device);
        return With(
            device,
            architecture,
            batch,
            method,
            options,
            bound =>
            {
                _ = KernelTrace.Take();
                _ = bound.RunStep();
                device.Synchronize();
                return KernelTrace.Take();
            }
        );
    }

    /// <summary>The nodes of such a step, which is not made.</summary>
    /// <param name="device">Any, also one that only plans.</param>
    /// <param name="architecture">As in <see cref="Step"/>.</param>
    /// <param name="batch">Images of a batch.</param>
    /// <param name="method">A method that has a step.</param>
    /// <param name="options">Its options by name.</param>
    internal static IReadOnlyList<PlannedNode> Nodes(
        ComputeDevice device,
        string architecture,
        int batch,
        string method = "lur",
        params ReadOnlySpan<(string Name, string Text)> options
    ) => With(device, architecture, batch, method, options, bound => bound.Program!.Nodes);

    /// <summary>Such a step's nodes, each timed by itself (<see cref="OperationTimes"/>).</summary>
    /// <param name="device">One that computes.</param>
    /// <param name="architecture">As in <see cref="Step"/>.</param>
    /// <param name="batch">Images of a batch.</param>
    /// <param name="repeats">How often a node is made, to time one.</param>
    internal static IReadOnlyList<(PlannedNode Node, double Seconds)> Times(
        ComputeDevice device,
        string architecture,
        int batch,
        int repeats
    ) =>
        With(
            device,
            architecture,
            batch,
            "lur",
            [],
            bound =>
            {
                _ = bound.RunStep();
                return bound.Program!.Nodes.Zip(OperationTimes.Of(bound.Program, repeats)).ToArray();
            }
        );

    private static T With<T>(
        ComputeDevice device,
        string architecture,
        int batch,
        string method,
        ReadOnlySpan<(string Name, string Text)> options,
        Func<UnlearningMethod, T> use
    )
    {
        // A tenth of the images is forgotten: enough of them for one batch of each set, drawn twice.
        using var source = DataSource.Open(
            string.Create(CultureInfo.InvariantCulture, $"synthetic:train={20 * Math.Max(batch, 1)},test=10")
        );
        string[] classes = [.. source.Train.ClassNames];
        var spec = ModelFamilies.Parse(architecture, new ImageSize(32, 32, 3), classes.Length);
        using var model = new Model(device, Precision.Float32, spec, classes, new InputNormalization([0.5, 0.5, 0.5], [0.5, 0.5, 0.5]));
        model.Initialize(1);
        int[] all = [.. Sequences.Range(0, source.Train.Count)];
        var set = ForgetSet.Resolve(["class:0"], source.Train, all, 1);
        var definition = MethodCatalog.Find(method, MethodCatalog.TaskOf(spec));
        var given = new Dictionary<string, string>(StringComparer.Ordinal) { ["batch"] = batch.ToString(CultureInfo.InvariantCulture) };
        foreach (var (name, text) in options)
            given[name] = text;
        using var bound = definition.Make(new UnlearningTask(model, source.Train, set, 1), definition.Read(given));
        return use(bound);
    }
}
