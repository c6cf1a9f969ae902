# Completion of duvisor's command line, for bash and zsh. Printed by "duvisor completion".

if [ -n "${ZSH_VERSION-}" ]; then
  whence compdef >/dev/null || { autoload -Uz compinit && compinit; }
  autoload -Uz bashcompinit && bashcompinit
fi

_duvisor() {
  local word=${COMP_WORDS[COMP_CWORD]} option=${COMP_WORDS[COMP_CWORD - 1]}
  local command= stem= words= files= file= IFS=$' \n'
  COMPREPLY=()
  # "--option=value" is three words in bash, and one in zsh.
  if [[ $word == = ]]; then
    word=
  elif [[ $option == = ]]; then
    option=${COMP_WORDS[COMP_CWORD - 2]}
  elif [[ $word == --*=* ]]; then
    option=${word%%=*} stem=${word%%=*}= word=${word#*=}
  fi
  if ((COMP_CWORD > 1)); then
    command=${COMP_WORDS[1]}
  fi
  if [[ $command == lab ]] && ((COMP_CWORD > 2)); then
    command="lab ${COMP_WORDS[2]}"
  fi
  case "$command $option" in
    #VALUES#
  esac
  if [[ -z $words && -z $files ]]; then
    case $command in
    #WORDS#
    esac
    [[ $word == -* ]] && files=false
  fi
  if [[ $files != true ]]; then
    # Nothing else is a file's name. (zsh has no compopt.)
    type compopt >/dev/null 2>&1 && compopt +o default
    COMPREPLY=($(compgen -P "$stem" -W "$words" -- "$word"))
  elif [[ -n $stem ]]; then
    for file in "$word"*; do
      [[ -e $file ]] && COMPREPLY+=("$stem$file")
    done
  fi # Else the shell completes a file's name by itself.
}

complete -o default -F _duvisor duvisor
