using System.Globalization;
using System.Text.Json;

namespace Lur.Bench.Gpu;

/// <summary>Steps of LUR and ScissorHands, each in a process of its own; a step that fails is recorded, and the next is taken.</summary>
internal sealed class GpuSteps(string path, bool tiny)
{
    private readonly RowFile _file = new(path, "lur-gpu-steps-1");
    private readonly List<Action<Utf8JsonWriter>> _rows = [];

    /// <summary>The network of the comparison with PyTorch, at the batch size of its papers, and a UNet.</summary>
    public static (string Model, int Batch, string[] Steps)[] Cases(bool tiny) =>
        tiny
            ? [("resnet[1,1,1]:w8", 8, ["sgd", "lur"]), ("unet:w8,16:down01:up10:r1:g4", 4, ["unet-lur"])]
            :
            [
                ("resnet18:w64", 128, ["lur", "scissorhands-1", "lur-none", "scissorhands-5", "lur-fd", "sgd"]),
                (
                    "unet:w64,128,128:down010:up010:r2:g8",
                    64,
                    ["unet-lur", "unet-scissorhands", "unet-lur-none", "unet-lur-fd", "unet-adam"]
                ),
            ];

    /// <summary>Times all of them.</summary>
    /// <returns>0, or 1 where one failed.</returns>
    public int Run()
    {
        var failed = 0;
        foreach (var (model, batch, steps) in Cases(tiny))
        foreach (var step in steps)
        {
            var variant = StepVariant.Find(step);
            Action<Utf8JsonWriter> measured;
            try
            {
                var child = ChildProcess.Time(model, batch, variant, tiny ? 1 : 20);
                var median = ChildProcess.Median(child.Milliseconds);
                Console.WriteLine(
                    string.Create(CultureInfo.InvariantCulture, $"{model} b{batch} {step}: {median:F2} ms, {child.DeviceBytes / 1e6:F0} MB")
                );
                measured = w =>
                {
                    RowFile.Number(w, "medianMs", median);
                    RowFile.Number(w, "minMs", child.Milliseconds.Min());
                    RowFile.Number(w, "deviceBytes", child.DeviceBytes);
                    RowFile.Number(w, "peakRssBytes", child.PeakBytes);
                };
            }
            catch (InvalidOperationException e)
            {
                failed = 1;
                Console.WriteLine($"{model} b{batch} {step}: {e.Message}");
                measured = w => w.WriteString("error", e.Message);
            }

            _rows.Add(w =>
            {
                w.WriteString("model", model);
                w.WriteNumber("batch", batch);
                w.WriteString("step", step);
                w.WriteString("title", variant.Title);
                measured(w);
            });
            _file.Write(_ => { }, ("rows", _rows));
        }

        return failed;
    }
}
