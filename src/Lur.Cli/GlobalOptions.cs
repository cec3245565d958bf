using System.CommandLine;
using Lur.Cli.Commands;

namespace Lur.Cli;

/// <summary>Options that every command takes.</summary>
internal static class GlobalOptions
{
    public static readonly Option<bool> Json = new("--json")
    {
        Description = "Print the result as JSON, and progress as one JSON object a line on standard error.",
        Recursive = true,
    };

    public static readonly Option<bool> Quiet = new("--quiet", "-q")
    {
        Description = "Print results and failures only, no progress.",
        Recursive = true,
    };

    public static readonly Option<int> Device = MakeDevice();

    public static void AddTo(Command root)
    {
        root.Options.Add(Json);
        root.Options.Add(Quiet);
        root.Options.Add(Device);
    }

    private static Option<int> MakeDevice()
    {
        var option = SharedOptions.Number(
            "--device",
            "Which device to use, as 'lur doctor' numbers them.",
            0,
            "the number of a device, from 0; 'lur doctor' lists them",
            n => n >= 0
        );
        option.Recursive = true;
        return option;
    }
}
