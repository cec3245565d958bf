using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Lur.Cli.Printing;
using Lur.Device;
using Lur.Reports;

namespace Lur.Cli.Commands;

/// <summary>lur kernels: what this build ships, and images compiled ahead of time.</summary>
internal static class KernelsCommand
{
    private static readonly Option<bool> s_list = new("--list") { Description = "List the kernels with their files and parameters." };

    private static readonly Option<string?> s_precompile = new("--precompile")
    {
        Description =
            "Compile every kernel for the devices of this machine into DIR; 'kernel-images' beside the program is where Lur looks.",
        HelpName = "DIR",
    };

    private static readonly Option<string?> s_trace = new("--trace")
    {
        Description =
            "Count what a GPU would see of the kernels of an exact LUR step: sectors, bank conflicts, active lanes; of KERNEL alone for "
            + "each shape of launch. Needs no GPU.",
        HelpName = "KERNEL",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private static readonly Option<string[]> s_models = new("--model")
    {
        Description = "Architectures whose step is traced, with :bN for the batch size; repeatable.",
        HelpName = "MODEL:bN",
        DefaultValueFactory = _ => ["resnet18:w64:b128", "unet:c64:m1,2,2:attn16:r2:b32"],
    };

    private static readonly Option<Precision[]> s_precisions = new("--precision")
    {
        Description = "Which element types to compile; repeatable. float32 trains, float64 is for gradient checks.",
        DefaultValueFactory = _ => [Precision.Float32, Precision.Float64],
        CustomParser = result =>
            [.. result.Tokens.Select(t => Enum.TryParse<Precision>(t.Value, ignoreCase: true, out var precision) ? precision : default)],
    };

    private static readonly Option<(int Index, int Count)?> s_part = new("--part")
    {
        Description =
            "Compile the I-th of N shares of the files: NVRTC compiles one at a time in a process, and N processes share the work.",
        HelpName = "I/N",
        CustomParser = result =>
        {
            if (
                result.Tokens[0].Value.Split('/') is [var i, var n]
                && int.TryParse(i, NumberStyles.None, CultureInfo.InvariantCulture, out var index)
                && int.TryParse(n, NumberStyles.None, CultureInfo.InvariantCulture, out var count)
                && index >= 1
                && index <= count
            )
                return (index, count);
            result.AddError($"--part takes a share I/N such as 1/8, not '{result.Tokens[0].Value}'.");
            return null;
        },
    };

    public static Command Create()
    {
        s_precisions.TakesOneOf(["float32", "float64"]);
        var command = new Command("kernels", "List the kernels of this build, or compile them ahead of time.")
        {
            s_list,
            s_precompile,
            s_precisions,
            s_part,
            s_trace,
            s_models,
        };
        command.Validators.Add(result =>
        {
            bool[] given = [result.GetValue(s_list), result.GetValue(s_precompile) is not null, result.GetResult(s_trace) is not null];
            if (given.Count(g => g) != 1)
                result.AddError("'lur kernels' takes one of --list, --precompile DIR and --trace.");
            else if (result.GetResult(s_part) is not null && !given[1])
                result.AddError("--part goes with --precompile DIR.");
        });
        return command
            .WithExamples(
                "lur kernels --list",
                "lur kernels --precompile kernel-images --precision float32",
                "lur kernels --trace batch_norm_apply"
            )
            .Runs(
                (context, parsed) =>
                    parsed.GetResult(s_trace) is not null
                        ? KernelTraceReport.Print(context, parsed.GetValue(s_trace), parsed.GetRequiredValue(s_models))
                    : parsed.GetValue(s_precompile) is { } folder
                        ? Precompile(context, Path.GetFullPath(folder), parsed.GetRequiredValue(s_precisions), parsed.GetValue(s_part))
                    : List(context)
            );
    }

    private static int List(CommandContext context)
    {
        var table = new Table(
            "kernels",
            new Column("file", "File"),
            new Column("kernel", "Kernel"),
            new Column("cooperative", "Cooperative"),
            new Column("parameters", "Parameters")
        );
        foreach (var file in KernelCatalog.Files)
        {
            foreach (var kernel in file.Kernels)
                table.Add(file.Path, kernel.Name, kernel.Cooperative, string.Join(", ", kernel.Parameters.Select(Describe)));
        }
        TablePrinter.Print(context, table);
        return ExitCode.Done;
    }

    private static int Precompile(CommandContext context, string folder, Precision[] precisions, (int, int)? part)
    {
        var capabilities = new HashSet<Version>();
        for (var ordinal = 0; ordinal < ComputeDevice.Count; ordinal++)
        {
            using var device = ComputeDevice.Open(new DeviceOptions { Ordinal = ordinal, MayBeVoid = true });
            capabilities.Add(device.Properties.ComputeCapability);
        }
        var clock = Stopwatch.StartNew();
        var written = KernelImages.Precompile(folder, capabilities, precisions, part: part);
        var table = new Table("images", new Column("file", "Image"), new Column("bytes", "Size", Right: true));
        foreach (var path in written)
            table.Add(Path.GetFileName(path), Cell.Bytes(new FileInfo(path).Length));
        if (context.Json)
            TablePrinter.Print(context, table);
        context.Note(string.Create(CultureInfo.InvariantCulture, $"{written.Count} images in {clock.Elapsed.TotalSeconds:F1} s: {folder}"));
        return ExitCode.Done;
    }

    private static string Describe(KernelParameter parameter) =>
        $"{(parameter.IsConst ? "const " : "")}{parameter.Type}{(parameter.IsPointer ? "*" : "")} {parameter.Name}";
}
