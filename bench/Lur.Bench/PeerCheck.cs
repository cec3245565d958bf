using System.Globalization;
using System.Text.Json;
using Lur.Checkpoints;
using Lur.Data;
using Lur.Device;
using Lur.Tensors;
using Lur.Unlearning;

namespace Lur.Bench;

/// <summary>The same steps from the same weights on the same batches, in float64, by Lur and by PyTorch: what is timed beside
/// PyTorch must be the same computation.</summary>
internal static class PeerCheck
{
    /// <summary>Largest relative difference, in norm, of the change of the weights over all steps.</summary>
    public const double Tolerance = 1e-6;

    /// <summary>Steps, two an epoch: memories are renewed, and after some steps the projection fires.</summary>
    private const int Steps = 12;

    private const string Model = "resnet18:w4";
    private const int Batch = 16,
        Samples = 2 * Batch;

    /// <summary>Makes the steps in a child, lets PyTorch repeat them, and compares.</summary>
    /// <returns>The peer's findings, an array; null when PyTorch could not be run.</returns>
    /// <exception cref="InvalidOperationException">A step differs.</exception>
    public static JsonElement? Run(string python, string script, IEnumerable<string> steps)
    {
        var folder = Directory.CreateTempSubdirectory("lur-peer-").FullName;
        try
        {
            string[] chosen = [.. steps.Where(s => StepVariant.Find(s).Part == StepPart.Step)];
            if (chosen.Length == 0)
                return JsonDocument.Parse("[]").RootElement;
            if (ChildProcess.Start(Environment.ProcessPath!, ChildProcess.Own(["peer-check", folder, .. chosen])) is null)
                throw new InvalidOperationException("The process that makes the steps to be checked failed.");
            if (ChildProcess.Start(python, [script, "--check", folder]) is not { } line)
                return null;
            using var document = JsonDocument.Parse(line);
            foreach (var found in document.RootElement.EnumerateArray())
                Require(found);
            return document.RootElement.Clone();
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>The child: for each step a folder with the model before and after, the batches, and the options.</summary>
    public static int Write(string folder, IEnumerable<string> steps)
    {
        foreach (var name in steps)
        {
            var variant = StepVariant.Find(name);
            var own = Directory.CreateDirectory(Path.Combine(folder, name)).FullName;
            // Every batch moves the running statistics, as in the public code, and images come as they are. With a small forget
            // weight the retain gradient decides, and what helps to remember makes the projection fire.
            List<(string, string)> options =
            [
                ("lr", "0.01"),
                ("epochs", "6"),
                ("batch", Batch.ToString(CultureInfo.InvariantCulture)),
                ("no-augment", "true"),
                ("bn", "both"),
            ];
            if (variant.Method == "scissorhands")
                options.Add(("lambda", "0.001"));
            using var method = new TimedMethod(Model, Batch, variant, (Samples, Samples), options, Precision.Float64);
            foreach (var preparation in method.Method.Preparations)
                preparation.Run();
            method.Save(Path.Combine(own, "before.safetensors"));
            for (var i = 0; i < Steps; i++)
            {
                if (method.Method.RunStep().Skipped)
                    throw new InvalidOperationException($"{variant.Title}: a step to be checked was skipped.");
            }

            method.Save(Path.Combine(own, "after.safetensors"));
            WriteBatches(method, variant, Path.Combine(own, "batches.safetensors"));
        }

        Console.WriteLine("done");
        return 0;
    }

    private static void Require(JsonElement found)
    {
        double Of(string name) => found.GetProperty(name).GetDouble();
        var (step, difference, statistics) = (found.GetProperty("step").GetString(), Of("weights"), Of("statistics"));
        Console.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"// {step}: {Steps} steps in float64 differ from PyTorch's by {difference:E1} of the change of the weights, "
                    + $"{statistics:E1} of the running statistics"
            )
        );
        if (!(difference < Tolerance && statistics < Tolerance))
            throw new InvalidOperationException($"{step}: Lur and PyTorch do not make the same step, so their times would say nothing.");
        if (
            found.TryGetProperty("projected", out var projected)
            && projected.GetInt32() is var fired
            && (fired == 0 || fired != found.GetProperty("projectedByLur").GetInt32())
        )
            throw new InvalidOperationException(
                $"{step}: the projection fired in {fired} steps of PyTorch and {found.GetProperty("projectedByLur").GetInt32()} "
                    + $"of Lur; both must be the same, and not 0."
            );
    }

    private static void WriteBatches(TimedMethod method, StepVariant variant, string path)
    {
        var writer = new SafeTensorsWriter();
        var option = method.Options.Texts().ToDictionary(o => o.Option.Name, o => o.Text, StringComparer.Ordinal);
        var memories = method.Options is ScissorHandsOptions scissorHands ? scissorHands.Memories : 0;
        writer.Metadata["width"] = Model[(Model.IndexOf('w', StringComparison.Ordinal) + 1)..];
        writer.Metadata["memories"] = memories.ToString(CultureInfo.InvariantCulture);
        writer.Metadata["projected"] = method.Method is ScissorHands s
            ? s.Measurements.Single().Value.ToString(CultureInfo.InvariantCulture)
            : "0";
        foreach (var name in new[] { "lr", "momentum", "weight-decay", "alpha", "lambda", "margin", "fd-radius" })
        {
            if (option.TryGetValue(name, out var text))
                writer.Metadata[name] = text;
        }

        Add(writer, method, "retain", method.Set.Retain, Steps);
        Add(writer, method, "forget", method.Set.Forget, Steps);
        if (memories > 0)
            Add(writer, method, "memory", method.Set.Forget, Steps / method.Method.StepsPerEpoch * memories);
        writer.Save(path);
    }

    /// <summary>Batches in the order in which the method took them.</summary>
    private static void Add(SafeTensorsWriter writer, TimedMethod method, string name, int[] indices, int count)
    {
        var sampler = new BatchSampler(indices, Batch, RandomStream.StreamOf("order/" + name, (long)TimedMethod.Seed));
        var (data, batch) = (method.Images, new int[Batch]);
        var (images, labels) = (new byte[count * Batch * data.SampleBytes], new long[count * Batch]);
        for (var b = 0; b < count; b++)
        {
            sampler.Next(batch);
            for (var i = 0; i < Batch; i++)
            {
                var row = (b * Batch) + i;
                data.CopyImage(batch[i], images.AsSpan(row * data.SampleBytes, data.SampleBytes));
                labels[row] = data.Label(batch[i]);
            }
        }

        writer.Add<byte>(name + "/images", [count, Batch, data.Channels, data.Height, data.Width], images);
        writer.Add<long>(name + "/labels", [count, Batch], labels);
    }
}
