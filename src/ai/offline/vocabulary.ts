const listed = (words: string): ReadonlySet<string> => new Set(words.split(/\s+/));

/** Words that tell the language, and nothing of what is looked for; those that both languages have stand in both lists. */
export const portuguese = listed(`a ao aos as o os um uma umas uns e ou de do da dos das no na nos nas em num numa por pela pelo pelas pelos
  para pra pro com sem sobre que qual quais como quanto quanta quantos quantas onde quando quem se ja nao sim so mais menos muito muita muitos
  muitas este esta estes estas esse essa isso isto aquele aquela ele ela eles elas eu me te lhe nosso nossa meu minha seu sua seus suas voce
  voces la aqui ai agora hoje amanha ainda tambem entre ate desde ser sou e foi sao era ha ter tem tenho estao estou vai vou pode posso
  podem poderia quero queria gostaria preciso existe existem saber ver dizer diga diz fale mostre mostra mostrar liste lista listar busque
  busca buscar procure procuro procurar ache achar encontre encontrar encontro favor ola oi opa bom boa dia tarde noite obrigado obrigada
  valeu tudo bem ajuda ajude ajudar socorro faz fazer sabe campanha campanhas vaquinha vaquinhas causa causas projeto projetos doar doacao
  doacoes doador doadores doou doaram contribuir falta faltam faltando arrecadou arrecadado arrecadados arrecadada arrecadar arrecadaram
  arrecadacao levantou juntou recebeu recebeu conseguiu chegou chegar atingir atingiu meta metas objetivo dinheiro valor reais total todo
  toda todos todas plataforma site mutirao andamento progresso nova novas novo novos recente recentes ultima ultimas ultimo ultimos novidade
  novidades termina terminam terminando acaba acabam acabando encerra encerram encerrando encerradas encerrada aberta abertas ativa ativas
  prazo fim logo breve semana mes dias perto proxima proximas proximo proximos quase disponivel disponiveis momento volta terminou acabou encerrou terminada terminadas encerrado encerrados finalizada finalizadas concluida
  concluidas doo dar contribuo custa custar pagar pago cartao cartoes pix faco precisa precisam precisando necessita necessitam necessitando ajudam ajudando apoia apoiam apoiar apoie apoio`);

export const english = listed(`a an the as at on in of off to for from by with without about into and or not no yes so more most less much
  many few some any all every each this that these those it its he she they them we us our i me my mine you your yours there here now today
  tomorrow still also between until since be is am are was were been do does did done has have had having will would can could may might
  must shall should want wants wanted like need needs know what which who whom whose where when why how tell say show me list find search
  look looking give gives giving given gave please hello hi hey good morning afternoon evening thanks thank help exist exists campaign
  campaigns fundraiser fundraisers cause causes project projects donate donated donates donation donations donor donors gift gifts
  contribute contributed raise raised raising left missing remain remains remaining reach reached get got goal goals target targets money
  amount total altogether overall whole platform site far progress going doing new newest latest recent recently last ending ends end soon
  soonest closing close closest near nearest nearly almost open active finished ended deadline week month days first available currently moment back over past
  cost costs pay card cards pix make needed needing helps helping support supports supporting`);

/** Spellings that one language has and the other has not. */
export const looksPortuguese = /[ãõçáéíóúâêôà]|lh|nh|(?:cao|coes)$/;
export const looksEnglish = /sh|th|ck|wh|ee|oo|w|k|ght|(?:ing|tion|y)$/;
