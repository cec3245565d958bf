using System.CommandLine;
using System.Globalization;
using Lur.Device;
using Lur.Models;
using Lur.Reports;
using Lur.Runs;

namespace Lur.Cli.Commands;

/// <summary>lur import and lur export: models from and to torch's safetensors.</summary>
internal static class ModelCommands
{
    public static Command CreateImport()
    {
        var file = new Argument<string>("PATH")
        {
            Description = "ResNet as safetensors with torchvision's tensor names, or a folder of diffusers with a UNet2DModel.",
        };
        var data = SharedOptions.Data();
        data.Required = false;
        data.Description =
            "Data set it was trained on: gives class names, image size and input normalisation; a ResNet needs it. " + data.Description;
        var output = new Option<string>("--output", "-o")
        {
            Description = "Model file to write.",
            HelpName = "FILE",
            Required = true,
        };
        var size = SharedOptions.ImageSize();
        var (mean, deviation) = NormalizationOptions();
        var command = new Command("import", "Check a model of torch strictly and write it as a model of Lur.")
        {
            file,
            data,
            output,
            mean,
            deviation,
            size,
        };
        return command
            .WithExamples(
                "lur import resnet18.safetensors -d cifar-10-batches-bin -o out/model.safetensors",
                "lur import r.safetensors -d photos --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225 -o m.safetensors",
                "lur import ddpm-cifar10-32 -o out/ddpm.safetensors"
            )
            .Runs(
                (context, parsed) =>
                {
                    var given = Normalization(parsed.GetValue(mean) ?? [], parsed.GetValue(deviation) ?? []);
                    Import(context, parsed.GetValue(file)!, parsed.GetValue(data), parsed.GetValue(output)!, given, parsed.GetValue(size));
                    return ExitCode.Done;
                }
            );
    }

    private static void Import(
        CommandContext context,
        string path,
        string? data,
        string output,
        InputNormalization? normalization,
        int? size
    )
    {
        RealPath.RequireOther(output, [path, .. data is null ? Array.Empty<string>() : [data]]);
        var diffusion = ModelExchange.IsDiffusion(path);
        if (!diffusion && data is null)
            throw new UsageException(
                "Option --data is missing: only UNets of diffusers and of Selective Amnesia are imported without their data set."
            );
        if (diffusion && normalization is not null)
            throw new UsageException(
                "--mean and --deviation belong to a ResNet; a UNet has a mean and a deviation of 0.5: leave them out."
            );
        using var device = ComputeDevice.Open(context.DeviceOrdinal);
        using var source = data is null ? null : SharedOptions.Open(context, data, size);
        using var model = diffusion
            ? ModelExchange.Import(path, device, source, size)
            : DataAndModel.Load(path, device, source!, normalization: normalization);
        ModelFile.Save(model, output);
        context.Note(
            string.Create(
                CultureInfo.InvariantCulture,
                $"{model.Architecture}, {model.Parameters.Count:N0} parameters, {model.Spec.Classes} classes; wrote {output}"
            )
        );
        if (!diffusion)
            Print(context, model, normalization is not null);
    }

    private static (Option<string[]> Mean, Option<string[]> Deviation) NormalizationOptions()
    {
        var mean = SharedOptions.List(
            "--mean",
            "Mean of each channel that the model was trained with, pixels in [0, 1], for example 0.485,0.456,0.406; default: "
                + "the data set's."
        );
        var deviation = SharedOptions.List(
            "--deviation",
            "Deviation of each channel, for example 0.229,0.224,0.225; default: the data set's.",
            "--std"
        );
        (mean.HelpName, deviation.HelpName) = ("N,N,N", "N,N,N");
        return (mean, deviation);
    }

    /// <summary>What pixels are normalised with: the wrong one costs accuracy and is seen nowhere else.</summary>
    private static void Print(CommandContext context, Model model, bool given)
    {
        var table = new Table("normalization", new Column("fact", "Input normalisation"), new Column("value", "Value"));
        string Join(IEnumerable<double> values) =>
            string.Join(", ", values.Select(v => v.ToString("0.####", CultureInfo.InvariantCulture)));
        table.Add("mean", Join(model.Normalization.Mean));
        table.Add("deviation", Join(model.Normalization.Std));
        TablePrinter.Print(context, table);
        if (!given)
            context.Note(
                "the model file's own where it has any, else the data set's; if it was trained with others, give --mean and --deviation"
            );
    }

    private static InputNormalization? Normalization(string[] mean, string[] deviation)
    {
        if (mean.Length == 0 && deviation.Length == 0)
            return null;
        if (mean.Length == 0 || deviation.Length == 0)
            throw new UsageException("--mean and --deviation belong together; give both.");
        return new InputNormalization(
            SharedOptions.Numbers<double>("--mean", mean, "numbers from 0 to 1, for example 0.485,0.456,0.406", v => v is >= 0 and <= 1),
            SharedOptions.Numbers<double>(
                "--deviation",
                deviation,
                "numbers above 0, for example 0.229,0.224,0.225",
                v => v is > 0 and <= 1e3
            )
        );
    }

    public static Command CreateExport()
    {
        var model = new Argument<string>("MODEL") { Description = "Model of Lur." };
        var output = new Option<string>("--output", "-o")
        {
            Description = "safetensors file to write; of a UNet also the folder, as diffusers has it.",
            HelpName = "PATH",
            Required = true,
        };
        var command = new Command(
            "export",
            "Write a model for torch: torchvision's or diffusers' tensor names and layouts, no metadata of Lur's."
        )
        {
            model,
            output,
        };
        return command
            .WithShort("Write a model for torch or diffusers.")
            .WithExamples(
                "lur export out/forget/model.safetensors -o resnet18.safetensors",
                "lur export out/unet/model.safetensors -o ddpm"
            )
            .Runs(
                (context, parsed) =>
                {
                    RealPath.RequireOther(parsed.GetValue(output)!, parsed.GetValue(model)!);
                    using var device = ComputeDevice.Open(context.DeviceOrdinal);
                    using var loaded = ModelFile.Load(parsed.GetValue(model)!, device, Precision.Float32);
                    foreach (var left in ModelExchange.Export(loaded, parsed.GetValue(output)!, parsed.GetValue(model)))
                        context.Note($"left out: {left}, which holds the weights of before");
                    context.Note($"wrote {parsed.GetValue(output)}");
                    return ExitCode.Done;
                }
            );
    }
}
