using System.CommandLine;
using System.Globalization;
using Lur.Data;
using Lur.Device;
using Lur.Models;
using Lur.Runs;

namespace Lur.Cli.Commands;

/// <summary>lur import and lur export: models from and to torch's safetensors.</summary>
internal static class ModelCommands
{
    public static Command CreateImport()
    {
        var file = new Argument<string>("FILE") { Description = "ResNet as safetensors with torchvision's tensor names." };
        var data = SharedOptions.Data();
        data.Description = "Data set it was trained on: gives class names, image size and input normalisation. " + data.Description;
        var output = new Option<string>("--output", "-o") { Description = "Model file to write.", Required = true };
        var size = SharedOptions.ImageSize();
        var command = new Command("import", "Check a model of torch strictly and write it as a model of Lur.") { file, data, output, size };
        return command
            .WithExamples("lur import resnet18.safetensors --data cifar-10-batches-bin -o out/model.safetensors")
            .Runs(
                (context, parsed) =>
                {
                    using var device = ComputeDevice.Open(context.DeviceOrdinal);
                    using var source = DataSource.Open(parsed.GetValue(data)!, SharedOptions.DataOptions(parsed.GetValue(size)));
                    SharedOptions.Warn(context, source);
                    using var model = DataAndModel.Load(parsed.GetValue(file)!, device, source);
                    ModelFile.Save(model, parsed.GetValue(output)!);
                    context.Note(
                        string.Create(
                            CultureInfo.InvariantCulture,
                            $"{model.Architecture}, {model.Parameters.Count:N0} parameters, {model.Outputs} classes; wrote "
                                + $"{parsed.GetValue(output)}"
                        )
                    );
                    return ExitCode.Done;
                }
            );
    }

    public static Command CreateExport()
    {
        var model = new Argument<string>("MODEL") { Description = "Model of Lur." };
        var output = new Option<string>("--output", "-o") { Description = "safetensors file to write.", Required = true };
        var command = new Command("export", "Write a model for torch: torchvision's tensor names and layouts, no metadata of Lur's.")
        {
            model,
            output,
        };
        return command
            .WithExamples("lur export out/forget/model.safetensors -o resnet18.safetensors")
            .Runs(
                (context, parsed) =>
                {
                    using var device = ComputeDevice.Open(context.DeviceOrdinal);
                    using var loaded = ModelFile.Load(parsed.GetValue(model)!, device, Precision.Float32);
                    ModelFile.Export(loaded, parsed.GetValue(output)!);
                    context.Note($"wrote {parsed.GetValue(output)}");
                    return ExitCode.Done;
                }
            );
    }
}
