namespace Lur.Reports;

/// <content>Columns that describe. Properties and not fields: fields of two files have no order of initialisation.</content>
public static partial class Glossary
{
    /// <summary>Columns of the tables that describe rather than measure.</summary>
    private static GlossaryEntry[] Descriptions =>
        [
            new("metric", "Metric", "Which number a row is about.", "'lur explain' knows each: ua, ra, ta, mia, fta."),
            new("value", "Value", "The number or the text of a row.", "Its unit stands behind it."),
            new(
                "fact",
                "Fact",
                "What a row states.",
                "'lur explain gap', tow, over_forgetting, weight_distance and class_damage say more."
            ),
            new("change", "Change", "Unlearned minus original, in the unit of the row.", "UA should rise, RA and TA should stay."),
            new(
                "inside",
                "Inside, the band",
                "Whether a number lies within the band around what it is compared with.",
                "'no' says that the difference is more than the spread of runs.",
                "",
                "insideTheBand"
            ),
            new("now", "Now", "Mean over the seeds of this run of a recipe.", "Compare it with 'before'."),
            new(
                "before",
                "Before",
                "Mean that an earlier run of the recipe measured, on the machine and commit that the title names.",
                "A number outside the band is a change of behaviour, or another machine's luck."
            ),
            new(
                "run",
                "Run",
                "Label of a run in its recipe: the method, with the options in which it differs.",
                "'lur repro RECIPE --only LABEL' makes it alone."
            ),
            new(
                "stage",
                "Stage",
                "A part of a forgetting run: evaluations, preparations by name, and the steps (repair).",
                "The evaluations are not part of the RTE."
            ),
            new(
                "share",
                "Share",
                "Part of the whole, in percent.",
                "The shares of the counted stages add up to 100 %.",
                "%",
                "shareOfTheRte"
            ),
            new(
                "meaning",
                "Meaning",
                "What a row measures or sets, in a few words.",
                "'lur explain TERM' has two lines.",
                "",
                "description"
            ),
            new("class", "Class", "A class of the data set, by name or number.", "A forgotten one is marked.", "", "label"),
            new(
                "forgotten",
                "Forgotten",
                "Marks the classes that were forgotten whole.",
                "Only their accuracy should fall.",
                "",
                "forgottenClasses"
            ),
            new("folder", "Folder", "Folder of a run's files, in its output folder.", "Its name is that of the class."),
            new("measure", "Kept classes", "A measure of the images drawn of the classes that are kept.", "The reading is in its row."),
            new(
                "score",
                "Class moves score",
                "Mean distance between the noise predicted with the class and without one, along the drawing of an image.",
                "0: the label does not move what is drawn any more."
            ),
            new(
                "retrainedLoss",
                "Retrained loss",
                "Denoising loss of the models that were trained without the forget set, on test images of the class.",
                "What the unlearned model's is to come to."
            ),
            new("images", "Images", "Number of images a row was measured on.", "Few images make coarse percentages."),
            new("train", "Training", "Number of training images.", "With --validation a share of them is held out.", "", "training"),
            new("test", "Test", "Number of test images, or the test set.", "It is never trained on.", "", "testSet"),
            new(
                "name",
                "Name",
                "Name of the row's class, method or kernel, as the command line takes it.",
                "Give it where a command asks for NAME."
            ),
            new("title", "Title", "Name for people.", "The command line takes the short name beside it."),
            new(
                "summary",
                "Summary",
                "What a method does, in one sentence.",
                "'lur methods NAME' has its options and sources.",
                "",
                "whatItDoes"
            ),
            new("what", "What it is", "What a term means.", "It is the first line of 'lur explain TERM'."),
            new(
                "needs",
                "Needs",
                "What a method has to be given: retain data, forget data, labels of the forget set, Fisher passes.",
                "A method that needs no retain data works where they are gone."
            ),
            new("property", "Property", "What a row says about a method.", "Departures name where it differs from its authors' code."),
            new(
                "option",
                "Option",
                "An option of a method, as the command line takes it.",
                "config.json in a run's folder has the values used."
            ),
            new("default", "Default", "Value of an option that is not given.", "Its source stands beside it."),
            new(
                "source",
                "Source",
                "Where a default comes from: a paper, public code, or ours.",
                "'ours' was chosen on this project's own runs.",
                "",
                "sourceOfTheDefault"
            ),
            new("role", "Role", "What memory of a plan is for.", "'lur forget --plan' shows which part decides.", "", "buffer"),
            new("buffers", "Buffers", "Number of buffers of a role.", "Buffers that are not needed at one time share memory."),
            new("bytes", "Bytes", "Size in memory or of a file.", "Binary units: 1 MiB is 1,048,576 bytes.", "", "size"),
            new(
                "quantity",
                "Quantity",
                "The derivative that is checked against differences.",
                "One that fails is a defect of a kernel or of a layer."
            ),
            new(
                "error",
                "Relative error",
                "Distance between the two values over the larger of them.",
                "It must lie below the tolerance.",
                "",
                "relativeError"
            ),
            new(
                "tolerance",
                "Tolerance",
                "Greatest relative error that is allowed.",
                "It follows from the precision of the numbers.",
                "",
                "allowed"
            ),
            new("passed", "Passed", "Whether a check held.", "One that did not ends the command with exit code 3."),
            new("kernel", "Kernel", "A function of the device, as its source names it.", "'lur kernels --list' has them all."),
            new("parameters", "Parameters", "The parameters of a kernel in order.", "Their launchers are generated from them."),
            new(
                "cooperative",
                "Cooperative",
                "Whether the threads of a block share memory and wait for each other.",
                "The host driver runs such a kernel phase by phase."
            ),
            new("file", "File", "Source or compiled image of a kernel.", "Paths are relative to the folder of the kernels.", "", "image"),
            new("term", "Term", "A word that 'lur explain' explains.", "Columns, metrics and verdicts are terms."),
            new("unit", "Unit", "Unit of a term's numbers; empty for none.", "Points are differences of percentages."),
            new("reading", "Reading", "How to read a term.", "It is the second line of 'lur explain TERM'."),
        ];
}
